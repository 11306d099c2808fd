"""SOSL: text searched for in several objects at once."""
