# The builtins of jq 1.8 that are written in jq. A definition sees those before it and the native filters; only
# those that a program needs are compiled with it.

# Values
def halt_error: halt_error(5);
def halt($status): halt_error($status);
def have_literal_numbers: true;
def have_decnum: true;
def input_filename: null;
def isvalid(f): try (f | true) catch false;
def isboolean: type == "boolean";
def isnumber: type == "number";
def isstring: type == "string";
def isarray: type == "array";
def isobject: type == "object";
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def finites: select(isfinite);
def normals: select(isnormal);

# Numbers
def pow10: exp10;
def gamma: lgamma;
def logb: if . == 0 then -infinite elif isinfinite then infinite elif isnan then . else ilogb end;
def significand: if isinfinite or isnan or . == 0 then . else scalbln(.; -ilogb) end;
def drem($a; $b): remainder($a; $b) | if . == 0 then copysign(.; $a) else . end;
def nexttoward($a; $b): nextafter($a; $b);
def scalb($a; $b): $a * pow(2; $b);

# Generators
def recurse(f): def r: ., (f | r); r;
def recurse(f; condition): def r: ., (f | select(condition) | r); r;
def recurse: ..;
def recurse_down: ..;
def repeat(f): def r: f, r; r;
def while(condition; update): def r: if condition then ., (update | r) else empty end; r;
def until(condition; update): def r: if condition then . else (update | r) end; r;
def __limit($n; f): limit($n; f);
def limit($n; f):
  if $n > 0 then __limit($n; f) elif $n == 0 then empty else error("limit doesn't support negative count") end;
def __skip($n; f): skip($n; f);
def skip($n; f):
  if $n > 0 then __skip($n; f) elif $n == 0 then f else error("skip doesn't support negative count") end;
def nth($n; f): if $n < 0 then error("nth doesn't support negative indices") else first(__skip($n; f)) end;
def first: .[0];
def last: .[-1];
def nth($n): .[$n];
def combinations:
  if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $rest | [$x] + $rest end;
def combinations(n): . as $dot | [range(n) | $dot] | combinations;
def inputs: def r: (try input catch if . == "No more inputs" then empty else error end) | ., r; r;

# Paths
def paths: path(..) | select(length > 0);
def paths(f): path(.. | select(f)) | select(length > 0);
def leaf_paths: paths(scalars);
def fromstream(f): { x: null, e: false } as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; $input[0][$n:]) else empty end;

# Arrays and objects
def in(xs): . as $x | xs | has($x);
def with_entries(f): to_entries | map(f) | from_entries;

# SQL style
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);
def JOIN($index; f): [.[] | [., $index[f]]];
def JOIN($index; stream; f): stream | [., $index[f]];
def JOIN($index; stream; f; join): stream | [., $index[f]] | join;
def ascii: [.] | implode;

# Dates
def dateadd(unit; n): . + n;
def datesub(unit; n): . - n;
def date: todate;

# The world
def debug: (debug_empty as $none | .), .;
def debug(messages): ((messages | debug_empty) as $none | .), .;
def stderr: (stderr_empty as $none | .), .;
