"""The package, its requirements and its one console command. Tool settings are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

# TensorFlow and Keras have upper bounds because musictool/backend/_replicas.py touches private members of theirs, which
# tests/backend/test_backend.py looks for. For Python 3.14 TensorFlow has wheels as a release candidate only, so far.
CORE = [
    'tensorflow>=2.18,<2.22; python_version < "3.14"',
    'tensorflow>=2.22.0rc0,<2.23; python_version >= "3.14"',
    "keras>=3.8,<3.16",
    "music21>=9.3",
    "pretty_midi>=0.2.10",
    "click>=8.1",
    "h5py>=3.11",
    "tqdm>=4.66",
    "numpy>=1.26",
    "scipy>=1.11",
    "symusic>=0.5.8",
    "soundfile>=0.12",
    "lameenc>=1.8",
    "matplotlib>=3.8",
    "scikit-learn>=1.4",
    "threadpoolctl>=3.1",
]

MIDITOK = ["miditok>=3.0.4"]  # for the encodings remi and tsd
DASK = ["distributed>=2024.1"]  # for prepare --dask
JAX = ["jax>=0.4.34"]  # for KERAS_BACKEND=jax
TENSORBOARD = ["tensorboardX>=2.6"]  # for train --tensorboard
WEB = ["starlette>=0.40", "uvicorn>=0.30"]  # for serve
TESTS = [
    "pyloudnorm>=0.1.1",
    "pytest>=8",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "muspy>=0.5",
    "partitura>=1.9",
    "verovio>=6",
    "httpx2>=2",
    "selenium>=4.20",
]  # muspy, partitura, verovio: values to agree with; httpx2: Starlette asks with it; selenium: a browser
RELEASE = ["build>=1.2", "twine>=6"]  # for make release-check
EXTRAS = {
    "jax": JAX,
    "miditok": MIDITOK,
    "dask": DASK,
    "tensorboard": TENSORBOARD,
    "web": WEB,
    "dev": [*TESTS, *RELEASE, "ruff>=0.6", "mypy>=1.10", *MIDITOK, *DASK, *JAX, *TENSORBOARD, *WEB],
}

# The models that ship lie in saved_models/ of a checkout among one's own, and in the package in musictool/shipped/.
SHIPPED = sorted(card.parent.name for card in (Path(__file__).parent / "saved_models").glob("*/card.json"))

setup(
    name="musictool",
    version="0.1.0",
    description="Turn a folder of music into a model that writes more of it",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.10,<3.15",
    keywords="music generation MIDI Keras TensorFlow deep learning composition",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: MIT License",
        "Topic :: Multimedia :: Sound/Audio :: MIDI",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)),
    ],
    packages=[*find_packages(include=["musictool", "musictool.*"]), "musictool.shipped"],
    package_dir={"musictool.shipped": "saved_models"},
    package_data={
        "musictool.shipped": [f"{name}/*" for name in SHIPPED],
        "musictool": ["py.typed", "recipes/*.json", "apps/lofi/patterns/*.mid", "web/static/*"],
    },
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["musictool=musictool.cli._main:main"]},
)
