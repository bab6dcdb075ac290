"""Key points of people as estimators of poses write them in JSON: files, people in places, and the reader."""
