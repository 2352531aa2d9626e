"""The phone's end of messages: its notifications to the strap, the wearer's answers back."""
