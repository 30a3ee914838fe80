"""Chinese by its sound: what stands in the index beside characters, and what Latin letters may mean.

Each pair of neighbouring characters is stored by its sound (停车 → tingche), each two to four by their first letters
(停车场 → tc, tcc). A character that is read in several ways is stored in each. These tokens begin with letters of their own,
so no word is ever taken for a sound.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice, pairwise, product
from typing import Final

PAIR: Final = "ǀ"
FIRST_LETTERS: Final = "ǁ"
_READINGS: Final = 3  # of one character
_LONGEST: Final = 4  # first letters in one token
_SPLITS: Final = 4
_LETTERS: Final = re.compile(r"[a-zü]{2,40}")
SYLLABLES: Final = frozenset((
    "a", "ai", "an", "ang", "ao", "ba", "bai", "ban", "bang", "bao", "bei", "ben", "beng", "bi", "bian", "biao",
    "bie", "bin", "bing", "bo", "bu", "ca", "cai", "can", "cang", "cao", "ce", "cen", "ceng", "cha", "chai", "chan",
    "chang", "chao", "che", "chen", "cheng", "chi", "chong", "chou", "chu", "chuai", "chuan", "chuang", "chui",
    "chun", "chuo", "ci", "cong", "cou", "cu", "cuan", "cui", "cun", "cuo", "da", "dai", "dan", "dang", "dao", "de",
    "dei", "deng", "di", "dia", "dian", "diao", "die", "ding", "diu", "dong", "dou", "du", "duan", "dui", "dun",
    "duo", "e", "ei", "en", "er", "fa", "fan", "fang", "fei", "fen", "feng", "fo", "fou", "fu", "ga", "gai", "gan",
    "gang", "gao", "ge", "gei", "gen", "geng", "gong", "gou", "gu", "gua", "guai", "guan", "guang", "gui", "gun",
    "guo", "ha", "hai", "han", "hang", "hao", "he", "hei", "hen", "heng", "hong", "hou", "hu", "hua", "huai", "huan",
    "huang", "hui", "hun", "huo", "ji", "jia", "jian", "jiang", "jiao", "jie", "jin", "jing", "jiong", "jiu", "ju",
    "juan", "jue", "jun", "ka", "kai", "kan", "kang", "kao", "ke", "kei", "ken", "keng", "kong", "kou", "ku", "kua",
    "kuai", "kuan", "kuang", "kui", "kun", "kuo", "la", "lai", "lan", "lang", "lao", "le", "lei", "leng", "li",
    "lia", "lian", "liang", "liao", "lie", "lin", "ling", "liu", "lo", "long", "lou", "lu", "luan", "lun", "luo",
    "lv", "lve", "ma", "mai", "man", "mang", "mao", "me", "mei", "men", "meng", "mi", "mian", "miao", "mie", "min",
    "ming", "miu", "mo", "mou", "mu", "na", "nai", "nan", "nang", "nao", "ne", "nei", "nen", "neng", "ni", "nian",
    "niang", "niao", "nie", "nin", "ning", "niu", "nong", "nou", "nu", "nuan", "nuo", "nv", "nve", "o", "ou", "pa",
    "pai", "pan", "pang", "pao", "pei", "pen", "peng", "pi", "pian", "piao", "pie", "pin", "ping", "po", "pou", "pu",
    "qi", "qia", "qian", "qiang", "qiao", "qie", "qin", "qing", "qiong", "qiu", "qu", "quan", "que", "qun", "ran",
    "rang", "rao", "re", "ren", "reng", "ri", "rong", "rou", "ru", "ruan", "rui", "run", "ruo", "sa", "sai", "san",
    "sang", "sao", "se", "sen", "seng", "sha", "shai", "shan", "shang", "shao", "she", "shei", "shen", "sheng",
    "shi", "shou", "shu", "shua", "shuai", "shuan", "shuang", "shui", "shun", "shuo", "si", "song", "sou", "su",
    "suan", "sui", "sun", "suo", "ta", "tai", "tan", "tang", "tao", "te", "teng", "ti", "tian", "tiao", "tie",
    "ting", "tong", "tou", "tu", "tuan", "tui", "tun", "tuo", "wa", "wai", "wan", "wang", "wei", "wen", "weng", "wo",
    "wu", "xi", "xia", "xian", "xiang", "xiao", "xie", "xin", "xing", "xiong", "xiu", "xu", "xuan", "xue", "xun",
    "ya", "yan", "yang", "yao", "ye", "yi", "yin", "ying", "yo", "yong", "you", "yu", "yuan", "yue", "yun", "za",
    "zai", "zan", "zang", "zao", "ze", "zei", "zen", "zeng", "zha", "zhai", "zhan", "zhang", "zhao", "zhe", "zhen",
    "zheng", "zhi", "zhong", "zhou", "zhu", "zhua", "zhuai", "zhuan", "zhuang", "zhui", "zhun", "zhuo", "zi", "zong",
    "zou", "zu", "zuan", "zui", "zun", "zuo",
))  # fmt: skip


@cache
def _library() -> object:
    """pypinyin without its table of words, which is most of its memory. Loaded when something is first stored by sound."""
    os.environ["PYPINYIN_NO_PHRASES"] = "1"
    import pypinyin

    return pypinyin


@lru_cache(maxsize=8192)
def readings(char: str) -> tuple[str, ...]:
    """How a character is read, the usual way first; () when nobody knows."""
    library = _library()
    found = library.pinyin(char, style=library.Style.NORMAL, heteronym=True, errors="ignore")  # type: ignore[attr-defined]
    return tuple(dict.fromkeys(each for each in found[0] if each in SYLLABLES))[:_READINGS] if found else ()


@lru_cache(maxsize=32768)
def _pair(first: str, second: str) -> tuple[str, ...]:
    return tuple(PAIR + a + b for a, b in product(readings(first), readings(second)))


def pairs(run: str) -> Iterator[str]:
    """What is stored of a run of Chinese by its sound."""
    for first, second in pairwise(run):
        yield from _pair(first, second)


def letters(run: str) -> Iterator[str]:
    """What is stored of it by its first letters."""
    first = [tuple(dict.fromkeys(each[0] for each in readings(char))) for char in run]
    for size in range(2, _LONGEST + 1):
        for start in range(len(first) - size + 1):
            for chosen in product(*first[start : start + size]):
                yield FIRST_LETTERS + "".join(chosen)


def spoken(run: str) -> tuple[tuple[str, ...], ...]:
    """A run of Chinese as the tokens of its sound: each place with all its readings."""
    return tuple(_pair(first, second) for first, second in pairwise(run))


@lru_cache(maxsize=1024)
def syllables(word: str) -> tuple[tuple[str, ...], ...]:
    """The ways in which a word of Latin letters is two or more syllables; few, () when it is none."""
    word = word.replace("ü", "v")
    if not _LETTERS.fullmatch(word):
        return ()
    return tuple(islice((split for split in _splits(word) if len(split) > 1), _SPLITS))


def _splits(word: str) -> Iterator[tuple[str, ...]]:
    if not word:
        yield ()
    for size in range(min(6, len(word)), 0, -1):
        if word[:size] in SYLLABLES:
            for rest in _splits(word[size:]):
                yield (word[:size], *rest)


def asked(split: tuple[str, ...]) -> tuple[str, ...]:
    """The tokens that a record must hold to sound like these syllables."""
    return tuple(PAIR + first + second for first, second in pairwise(split))


def first_letters(word: str) -> tuple[str, ...]:
    """The tokens for a word taken as first letters; () when it cannot be that."""
    if not re.fullmatch(r"[a-z]{2,12}", word):
        return ()
    size = min(len(word), _LONGEST)
    return tuple(FIRST_LETTERS + word[at : at + size] for at in range(len(word) - size + 1))
