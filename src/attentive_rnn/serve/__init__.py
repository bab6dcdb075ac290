"""Page on this machine that shows the actions which a model recognises in the pictures of a webcam or a video."""
