"""The HTTP door on aiohttp: health from the start; messages, feeds and queries have their place here."""
