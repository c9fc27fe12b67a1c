"""The demo: a busy weekend in Missouri, played through a real broker, and checked against what it promised."""
