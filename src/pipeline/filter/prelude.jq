# What jq 1.8 has and the engine lacks or does differently, from jq's manual. Later definitions win; a
# definition only sees those above it, hence the `__` aliases of what is then replaced.

# Values
def @json: tojson;
def toboolean:
  if isboolean then . elif . == "true" then true elif . == "false" then false
  else error("\(type) (\(tojson)) cannot be parsed as a boolean") end;
def toarray: if isarray then . else [.] end;
def isvalid(f): try (f | true) catch false;
def abs:
  if isnumber then (if . < 0 then -. else . end) else error("\(type) (\(tojson)) has no absolute value") end;
def have_literal_numbers: true;
def have_decnum: false;
def input_filename: null;
def get_search_list: [];
def halt_error: halt_error(5);
def pow10: exp10;
def gamma: lgamma;

# Generators
def __limit($n; f): limit($n; f);
def limit($n; f): if $n < 0 then error("Limit doesn't support negative count") else __limit($n; f) end;
def __skip($n; f): skip($n; f);
def skip($n; f): if $n < 0 then error("Skip doesn't support negative count") else __skip($n; f) end;
def nth($n; f): if $n < 0 then error("nth doesn't support negative indices") else first(__skip($n; f)) end;
def recurse_down: recurse;
def repeat(f): def rec: ., (f | rec); rec;

# Paths
def delpaths($paths): reduce ($paths | sort | reverse[]) as $path (.; getpath($path) |= empty);
def del(f): delpaths([path(f)]);
def pick(f): . as $top | reduce path(f) as $path (null; setpath($path; $top | getpath($path)));
def leaf_paths: paths(scalars);
def walk(f): def w: if isobject then map_values(w) elif isarray then map(w) else . end | f; w;
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): { x: null, e: false } as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;

# Arrays and objects
def transpose: [range([.[] | length] | max // 0) as $i | [.[][$i]]];
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1];
def first: .[0];
def last: .[-1];
def flatten($depth):
  def f($d): reduce .[] as $x ([]; if ($x | isarray) and $d != 0 then . + ($x | f($d - 1)) else . + [$x] end);
  if $depth < 0 then error("flatten depth must not be negative") else f($depth) end;
def flatten: flatten(1e9);
def __reverse: reverse;
def reverse:
  if . == null then [] elif isstring then explode | __reverse | implode else __reverse end;
def __entry_key: if . == null then "null" elif isstring then . elif isboolean or isnumber then tojson
  else error("Cannot use \(type) (\(tojson)) as object key") end;
def __first_of($names): . as $entry | first(($names[] | select(. as $name | $entry | has($name)) | $entry[.]), null);
def from_entries: reduce .[] as $x ({};
  . + { ($x | __first_of(["key", "k", "name", "Name", "Key", "K"]) | __entry_key):
        ($x | __first_of(["value", "v", "Value", "V"])) });
def with_entries(f): to_entries | map(f) | from_entries;
def join($s): reduce .[] as $x (null;
  (if . == null then "" else . + $s end) + (if $x == null then "" elif $x | isboolean or isnumber then $x | tojson else $x end))
  // "";

# SQL style
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def JOIN($idx; f): [.[] | [., $idx[f]]];
def JOIN($idx; stream; f): stream | [., $idx[f]];
def JOIN($idx; stream; f; join): stream | [., $idx[f]] | join;

# Strings
def __ltrimstr($s): ltrimstr($s);
def ltrimstr($s): if isstring and ($s | isstring) then __ltrimstr($s) else . end;
def __rtrimstr($s): rtrimstr($s);
def rtrimstr($s): if isstring and ($s | isstring) then __rtrimstr($s) else . end;
def trimstr($s): ltrimstr($s) | rtrimstr($s);
def ascii: [.] | implode;

# Regular expressions: flags may be null, and both may come as one array
def __flags: if . == null then "" else . end;
def __test(re; flags): test(re; flags);
def test(re; flags): __test(re; flags | __flags);
def test($re): if $re | isarray then test($re[0]; $re[1]) else __test($re; "") end;
def __match(re; flags): match(re; flags);
def match(re; flags): __match(re; flags | __flags);
def match($re): if $re | isarray then match($re[0]; $re[1]) else __match($re; "") end;
def __capture(re; flags): capture(re; flags);
def capture(re; flags): __capture(re; flags | __flags);
def capture($re): if $re | isarray then capture($re[0]; $re[1]) else __capture($re; "") end;
def __scan(re; flags): scan(re; flags);
def scan(re; flags): __scan(re; flags | __flags);
def scan($re): if $re | isarray then scan($re[0]; $re[1]) else __scan($re; "") end;
def __split(re; flags): split(re; flags);
def split(re; flags): __split(re; flags | __flags);
def splits(re; flags): split(re; flags)[];
def splits($re): splits($re; null);

# Dates: the library's arithmetic overflows silently where a time is far out of its range.
def __time:
  if isnumber then
    if . > -377705023202 and . < 253402207201 then . else error("\(tojson) is not a time that can be written") end
  elif isarray and (.[1] | isnumber and . > 11) then error("\(tojson) is not a time: months are from 0 to 11")
  else . end;
def __gmtime: gmtime;
def gmtime: __time | __gmtime;
def __localtime: localtime;
def localtime: __time | __localtime;
def __mktime: mktime;
def mktime: __time | __mktime;
def __strftime($format): strftime($format);
def strftime($format): __time | __strftime($format);
def __strflocaltime($format): strflocaltime($format);
def strflocaltime($format): __time | __strflocaltime($format);
def dateadd(unit; n): . + n;
def datesub(unit; n): . - n;
def date: todate;

# Formats
def @base32: tostring | encode_base32;
def @base32d: tostring | decode_base32;
def @html: tostring | escape_html | split("&apos;") | join("&#39;");
def __row(name; quote):
  if isarray then map(
    if isstring then quote elif . == null then "" elif isboolean or isnumber then tojson
    else error("\(type) (\(tojson)) is not valid in a \(name) row") end)
  else error("\(type) (\(tojson)) cannot be \(name)-formatted, only an array can be") end;
def @csv: __row("csv"; "\"" + (split("\"") | join("\"\"")) + "\"") | join(",");
def @tsv: __row("tsv"; split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n")
  | split("\r") | join("\\r")) | join("\t");
