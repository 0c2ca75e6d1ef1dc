"""Changed files before they are live: seen as a folder of their own, checked, tried, published."""
