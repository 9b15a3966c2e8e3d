"""Draws coloured terminal text as SVG: `dualstack diagnose … --color always | python docs/picture.py TITLE > FILE`."""

import re
import sys

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

console = Console(record=True, width=82, file=sys.stderr)
console.print(Text.from_ansi(sys.stdin.read().rstrip()))
without_web_fonts = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
print(console.export_svg(title=sys.argv[1], code_format=without_web_fonts, unique_id="dualstack"))
