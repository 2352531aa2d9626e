"""The bench where all parts meet: the city in one process, the demo, the scans."""
