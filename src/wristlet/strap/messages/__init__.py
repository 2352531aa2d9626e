"""The strap's end of messages, calls, alarms and timers."""
