"""The coordinator: deconfliction and message exchange between agencies, over RabbitMQ, with a provable journal."""
