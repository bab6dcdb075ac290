"""Okabe and Ito's colours, which people with any colour vision tell apart."""

BLACK, GREY = "#000000", "#444444"
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PINK, SKY, YELLOW = "#CC79A7", "#56B4E9", "#E69F00"
