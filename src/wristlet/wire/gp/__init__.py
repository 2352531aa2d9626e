"""GlobalPlatform content management and contactless registry, as bytes."""
