"""The part of a page's style sheet that charts need; the page itself sets ``--tone`` of each tone, and the papers."""

from typing import Final

__all__ = ["CHART_STYLE"]

CHART_STYLE: Final = """
.chart svg{width:100%;height:auto;display:block;font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.chart text{fill:var(--soft)}
.chart text.end{text-anchor:end}.chart text.tick{text-anchor:middle}
.chart text.axis{font-weight:600}.chart text.row{fill:var(--ink);font-weight:600}
.chart .rule{stroke:var(--line);fill:none}
.chart .equal{stroke:var(--soft);stroke-dasharray:2 4;fill:none}
.chart .frame{fill:none;stroke:var(--line)}
.line{stroke:var(--tone);stroke-width:2;fill:none;stroke-linejoin:round}
.dot{fill:var(--tone);stroke:var(--card);stroke-width:.7}
.band{fill:var(--tone);opacity:.13}
.whisker{fill:var(--tone);opacity:.45}
.reach{stroke:var(--tone);stroke-width:2.4;stroke-linecap:round;opacity:.5}
.cloud{stroke:var(--tone);stroke-linecap:round;opacity:.5;fill:none}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.82rem;color:var(--soft);margin:8px 0 0}
.legend span{display:inline-flex;align-items:center;gap:7px}
.legend .swatch{width:26px;height:12px}.legend .ramp{width:140px;height:10px;border-radius:3px}
.h0{fill:var(--h0)}.h1{fill:var(--h1)}.h2{fill:var(--h2)}.h3{fill:var(--h3)}.h4{fill:var(--h4)}
.h5{fill:var(--h5)}.h6{fill:var(--h6)}.h7{fill:var(--h7)}.h8{fill:var(--h8)}.h9{fill:var(--h9)}
"""
"""Needs ``--ink``, ``--soft``, ``--line`` and ``--card``, and for maps ``--h0`` (lowest) to ``--h9``."""
