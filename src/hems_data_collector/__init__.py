"""hems-data-collector: a Japanese smart meter, read over the B-route, and its readings put where you want them."""
