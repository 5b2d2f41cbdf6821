"""Word lists that comparing two texts needs: what is empty, what negates, what opposes, what counts or measures.

English only, and known to be incomplete: a word that is missing here is judged by its rarity alone.
"""


def _list(text: str) -> list[str]:
    return text.split()


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP = _set(
    "a an the of to in on at by for with from into and or is are was were be been being do does did can could would "
    "should will shall may might i me my you your we our it its this that these those there here have has had as so if "
    "then than but about please tell show give list find want need like get any some am how what which who whom whose "
    "when where why just also very really s t re ve ll m d"
)
# Words that frame a request without changing its subject; a difference in them alone is weak evidence.
FRAMING = _set(
    "explain explained explanation describe define definition guide tip steps step way result return thread discussion "
    "question post search name look best top good great example tutorial help know learn use using make thing people "
    "someone one different difference between compare comparison versus vs meaning mean current number available"
)
NEGATION = _set("not no never none without except nor neither cannot nobody nothing n't exclude excluding unless but")
RELATIVE_DATES = _set(
    "today tomorrow yesterday tonight now currently current latest next last previous upcoming weekend week month year "
    "daily weekly monthly yearly annual quarter morning evening afternoon night spring summer fall autumn winter"
)
EXTREMES = _set(
    "most least best worst largest biggest smallest highest lowest longest shortest first last oldest newest youngest "
    "cheapest easiest hardest earliest latest greatest fewest only every each all average total max min maximum minimum"
)
DIRECTIONS = _set("from to into than before after over under by vs versus of for between with in against")
UNIT_NAMES = {
    alias: names.split()[0]
    for names in (
        "km kilometer kilometers kilometre kilometres",
        "mile mi miles",
        "m meter meters metre metres",
        "cm centimeter centimeters",
        "inch in. inches",
        "foot feet ft",
        "kg kilogram kilograms kilo kilos",
        "lb lbs pound pounds",
        "g gram grams",
        "oz ounce ounces",
        "c celsius",
        "f fahrenheit",
        "l liter liters litre litres",
        "gallon gallons",
        "second seconds sec secs",
        "minute minutes min mins",
        "hour hours hr hrs",
        "day days",
        "week weeks",
        "month months",
        "year years",
        "usd dollar dollars $",
        "eur euro euros €",
        "gbp £ sterling",
        "inr rupee rupees",
        "jpy yen",
        "percent %",
        "gb gigabyte gigabytes",
        "mb megabyte megabytes",
        "tb terabyte terabytes",
    )
    for alias in names.split()
}
_MONTH_NAMES = _list("january february march april may june july august september october november december")
MONTHS = {name: f"month{i}" for i, name in enumerate(_MONTH_NAMES)} | {
    name[:3]: f"month{i}" for i, name in enumerate(_MONTH_NAMES) if name != "may"
}
DAYS = _set("monday tuesday wednesday thursday friday saturday sunday")
_COUNTS = _list("zero one two three four five six seven eight nine ten eleven twelve")
NUMBER_WORDS = {word: str(i) for i, word in enumerate(_COUNTS)} | {
    "first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5",
    "twice": "2", "dozen": "12", "hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000",
}  # fmt: skip
_OPPOSITE_PAIRS = (
    "min max;minimum maximum;least most;less more;smallest largest;small large;little big;lowest highest;low high;"
    "shortest longest;short long;shorter longer;lower higher;smaller larger;smaller bigger;smallest biggest;"
    "fewest most;fewer more;first last;before after;start end;begin finish;open close;enable disable;on off;in out;"
    "up down;increase decrease;buy sell;add remove;insert delete;create delete;import export;upload download;"
    "install uninstall;push pull;encode decode;encrypt decrypt;compress decompress;lock unlock;login logout;"
    "left right;north south;east west;best worst;good bad;better worse;cheapest expensive;cheap expensive;easy hard;"
    "easiest hardest;easier harder;old new;oldest newest;older younger;oldest youngest;early late;earliest latest;"
    "earlier later;win lose;gain lose;true false;yes no;all none;with without;include exclude;allow deny;allow block;"
    "follow unfollow;subscribe unsubscribe;male female;men women;boy girl;man woman;husband wife;"
    "boyfriend girlfriend;mother father;son daughter;hot cold;input output;read write;send receive;save spend;"
    "lend borrow;advantages disadvantages;pros cons;legal illegal;possible impossible;public private;"
    "internal external;single married;arrive depart;arrival departure;sunrise sunset;undergraduate graduate;"
    "required optional;positive negative;derivative integral;ascending descending;row column;horizontal vertical;"
    "reject accept;approve reject;above below;over under;upper lower;inside outside;fast slow;faster slower;"
    "fastest slowest;rich poor;strong weak;love hate;start stop;pause resume;mute unmute;show hide;expand collapse;"
    "freeze unfreeze;activate deactivate;credit debit;inbound outbound;front back;top bottom;breakfast dinner;"
    "lunch dinner;introduction advanced;beginner advanced;nearest farthest;dark light;light heavy;solved unsolved"
)


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _OPPOSITE_PAIRS.split(";"):
        one, other = pair.split()
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES = _opposites()
# What kind of answer is asked for. "how many" and "how" ask for different ones.
ASKS = {"what": 1, "which": 1, "who": 2, "whom": 2, "whose": 2, "when": 3, "where": 4, "why": 5, "how": 6}
ASKS_AMOUNT = _set("many much long far big large tall high often old")
ENDINGS = ("ing", "ied", "ies", "ed", "es", "ly", "er")
