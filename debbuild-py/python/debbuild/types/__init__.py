"""The shapes of the values that debbuild takes and gives: those of the command line's JSON."""

from .chroots import *
from .common import *
from .files import *
from .locks import *
from .queue import *
from .repository import *
from .resolve import *
