"""What programs take from packages beside Keras: the CRF of ``keras_contrib``, and that of ``tensorflow_addons``.

The finder stands at the end of ``sys.meta_path``: a package that is really installed is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

from recurra.compat.finder import OldModule

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object

_CONTRIB, _TEXT = "recurra.compat.addons.contrib_crf", "recurra.compat.addons.text"
_TEXT_NAMES = "crf_decode crf_log_likelihood crf_log_norm crf_sequence_score viterbi_decode"
#: the modules, each with where its names live
PATHS: dict[str, dict[str, str]] = {
    "keras_contrib": {},
    "keras_contrib.layers": {_CONTRIB: "CRF"},
    "keras_contrib.layers.crf": {_CONTRIB: "CRF crf_loss crf_nll crf_viterbi_accuracy"},
    "keras_contrib.losses": {_CONTRIB: "crf_loss crf_nll"},
    "keras_contrib.metrics": {_CONTRIB: "crf_accuracy crf_viterbi_accuracy"},
    "tensorflow_addons": {f"{_TEXT}:": "text"},
    "tensorflow_addons.text": {_TEXT: _TEXT_NAMES},
    "tensorflow_addons.text.crf": {_TEXT: _TEXT_NAMES},
}
ROOTS = ("keras_contrib", "tensorflow_addons")


class AddonLoader(Loader):
    """Makes the module for one path of the table."""

    def create_module(self, spec: ModuleSpec) -> OldModule:
        return OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        homes = {name: home for home, names in PATHS[module.__name__].items() for name in names.split()}
        said = f"What recurra has of ``{module.__name__}``."
        module.__dict__.update(_homes=homes, __all__=sorted(homes), __doc__=said)


class AddonFinder:
    """Finds the modules of the table.

    raises : ModuleNotFoundError for others of these packages, with what there is
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of a module of the table; None for other packages."""
        root = fullname.partition(".")[0]
        if root not in ROOTS:
            return None
        if fullname not in PATHS:
            there = "the layer CRF" if root == "keras_contrib" else "the functions of text.crf"
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: it is not installed, and recurra has of {root} {there} alone",
                name=fullname,
            )
        inner = any(other.startswith(f"{fullname}.") for other in PATHS)
        return ModuleSpec(fullname, AddonLoader(), origin=__name__, is_package=inner)
