"""The RVB codes: stable names for the reasons why an event does not arrive.

At the bottom of the package, so that every room may name one: logs, doctor, `reverb-py explain` and the documentation
have this one source. Codes are never reused: people search for them. The first digit groups them: 1 the event does
not leave the application, 2 the publish does not arrive, 3 it is refused, 4 nobody matched, 5 the client does not
handle it, 6 the client does not connect, subscribe or stay.
"""

from reverb_py.codes import connect, fire, handle, match, reach, refuse
from reverb_py.codes.code import Code as Code
from reverb_py.codes.code import Hop as Hop
from reverb_py.codes.connect import *
from reverb_py.codes.fire import *
from reverb_py.codes.handle import *
from reverb_py.codes.match import *
from reverb_py.codes.reach import *
from reverb_py.codes.refuse import *

CODES: dict[str, Code] = {
    value.id: value
    for module in (fire, reach, refuse, match, handle, connect)
    for value in vars(module).values()
    if isinstance(value, Code)
}
