"""The rules by which a network file is recognised: from its shapes, its names and what its exporter wrote down."""
