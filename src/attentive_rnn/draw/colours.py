"""Colours of all pictures: Okabe and Ito's, which people with any colour vision tell apart, and even colour maps."""

BLACK, GREY = "#000000", "#444444"
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PINK, SKY, YELLOW = "#CC79A7", "#56B4E9", "#E69F00"
BONE, GUIDE = "#9AA0A6", "#777777"  # light greys: of bones under joints, of lines to compare with

# Lines of signals and of models, in their order; the dashes tell them apart without colour.
TRACES = ((BLUE, "-"), (ORANGE, "-"), (GREEN, "--"), (PINK, "-."), (GREY, ":"), (SKY, "-"))
MODELS = (
    (BLUE, "-"),
    (ORANGE, "--"),
    (GREEN, "-."),
    (PINK, ":"),
    (YELLOW, (0, (5, 1, 1, 1, 1, 1))),
    (BLACK, (0, (8, 2))),
)
RANKINGS = (
    (ORANGE, "-"),
    (GREEN, "-"),
    (GREEN, "--"),
    (BLUE, "-."),
    (YELLOW, "--"),
    (YELLOW, ":"),
    (PINK, "--"),
    (GREY, ":"),
)

# Colour maps of matplotlib, even in lightness: of time maps, of masks over images, of the ground of words.
TIME_MAP, MASK, WORDS = "cividis", "inferno", "Oranges"

# Bright colours, red, green and blue, of people on the frames of a film.
PEOPLE = ((255, 193, 7), (0, 188, 212), (233, 30, 99), (139, 195, 74), (156, 39, 176), (255, 87, 34))
