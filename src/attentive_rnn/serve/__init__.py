"""A page on this machine that shows what a model recognises in a webcam's or a file's pictures."""
