"""The look of the report page: one sheet of style that stands in the page."""

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """
:root{--paper:#fbfbf9;--card:#fff;--ink:#1d2430;--soft:#5d6777;--line:#e2e4e1;--accent:#0f7c90;--wash:#e8f3f5;
--warn:#8a4b00;
--warn-wash:#fff3e0}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--card:#1b2027;--ink:#e7eaee;--soft:#9aa5b3;--line:#2d343d;
--accent:#54bfd1;--wash:#17323a;--warn:#ffc078;--warn-wash:#38270f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1160px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:clamp(1.6rem,4.5vw,2.3rem);line-height:1.15;margin:.2em 0 .3em;letter-spacing:-.015em;text-wrap:balance}
h2{font-size:1.35rem;margin:2.6em 0 .5em;letter-spacing:-.01em}
h3{font-size:1.05rem;margin:1.8em 0 .5em}
p{max-width:72ch;margin:.5em 0}
a{color:var(--accent)}
.lead{font-size:1.08rem;color:var(--soft);max-width:70ch}
.kicker{color:var(--accent);font-weight:650;font-size:.82rem;letter-spacing:.06em;text-transform:uppercase}
.note{background:var(--warn-wash);color:var(--warn);border-radius:10px;padding:10px 14px;margin:18px 0;max-width:80ch}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(215px,1fr));gap:14px;margin:22px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:16px 18px}
.card b{display:block;font-size:2rem;line-height:1.15;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.card span{display:block;color:var(--soft);font-size:.88rem}
.card.peer b{color:var(--soft)}
.tag{display:inline-block;background:var(--wash);color:var(--accent);border-radius:99px;padding:1px 10px;
font-size:.78rem;
font-weight:600;vertical-align:2px;margin-left:6px}
.tag.bad{background:var(--warn-wash);color:var(--warn)}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:12px;background:var(--card);margin:12px 0}
table{border-collapse:collapse;width:100%;font-size:.86rem;font-variant-numeric:tabular-nums}
th,td{padding:7px 11px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft);vertical-align:bottom;white-space:normal;min-width:72px}
tr:last-child td{border-bottom:0}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--card);font-weight:550;
min-width:118px}
td small{display:block;color:var(--soft);font-size:.76rem}
tr.own td{background:var(--wash)}
tr.own td:first-child{background:var(--wash);color:var(--accent)}
td.ahead{color:#178046}td.behind{color:#c2402b}
@media (prefers-color-scheme:dark){td.ahead{color:#5fd08f}td.behind{color:#ff8d78}}
.grid{display:grid;align-items:start;gap:14px;grid-template-columns:repeat(auto-fill,minmax(310px,1fr))}
.chart{margin:0;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:12px 14px}
.chart figcaption{font-weight:600;font-size:.9rem;margin-bottom:6px}
.chart svg{width:100%;height:auto;display:block;font:12px system-ui,sans-serif}
.chart text{fill:var(--soft)}.chart text.name{text-anchor:end;fill:var(--ink)}.chart text.tick{text-anchor:middle}
.chart text.value{fill:var(--ink);font-weight:600}.chart line.grid{stroke:var(--line)}
.legend{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:.8rem;color:var(--soft);margin:8px 0 0}
.legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:6px;vertical-align:3px}
.strip{display:grid;grid-template-columns:repeat(var(--n),minmax(0,1fr));gap:10px;margin:8px 0 20px}
.strip figure{margin:0}
.strip img{width:100%;aspect-ratio:1/1;object-fit:contain;background:#0b0d10;border-radius:10px;display:block}
.strip figcaption{font-size:.8rem;color:var(--soft);margin-top:5px;line-height:1.35}
.strip-title{font-weight:600;margin:18px 0 2px}
.strip-title span{color:var(--soft);font-weight:400}
.key{display:inline-block;width:11px;height:11px;border-radius:3px;margin:0 5px 0 12px;vertical-align:-1px}
details{border:1px solid var(--line);border-radius:12px;background:var(--card);padding:10px 16px;margin:12px 0}
details .scroll{border-radius:8px}
summary{cursor:pointer;font-weight:600}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:10px 0}
dt{font-weight:600}dd{margin:0;color:var(--soft);max-width:80ch}
pre{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px;
font-size:.84rem}
ul{padding-left:1.2em;max-width:76ch}
@media (max-width:760px){.strip{grid-template-columns:repeat(2,minmax(0,1fr))}dl{grid-template-columns:1fr}
dd{margin-bottom:6px}
main{padding:18px 14px 48px}.grid{grid-template-columns:1fr}}
"""
