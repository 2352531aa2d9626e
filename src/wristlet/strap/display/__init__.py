"""What a strap's face can show: cutting texts, frames of each display class, and their pictures."""
