"""A piece as lo-fi hip hop: slowed and softened, drums on its own beats, rain and a crackling record behind it."""
