"""The AMQP doors: what is declared, how we stay connected, what comes in, what goes out, and a private broker."""
