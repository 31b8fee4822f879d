/** What these templates give was asked of Jinja2 3.1 itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from './fault.ts'
import { renderTemplate } from './render.ts'

const files: Readonly<Record<string, string>> = {
  'inc.yml': 'inc {{ project_name }}',
  'macros.yml': '{% macro env(n) %}M{{ n }}{% endmacro %}{% macro other() %}O{{ project_name }}{% endmacro %}',
  'base.yml': '<{% block body %}base{% endblock %}>',
}

const variables = {
  project_name: 'web',
  env: 'dev',
  n: 3,
  items: ['a', 'b', 'c'],
  conf: { a: 1, b: 'two' },
  nested: { a: { b: [{ c: 'deep' }] } },
  people: [
    { name: 'ann', age: 31, team: 'x', admin: true, address: { city: 'X' } },
    { name: 'bob', age: 25, team: 'y', admin: false },
    { name: 'cy', age: 40, team: 'x', admin: false },
  ],
  tree: [{ n: 1, c: [{ n: 2, c: [] }] }],
}

function rendered(text: string, isLenient = false): string {
  const find = (name: string) => (files[name] === undefined ? undefined : { name, text: files[name] })
  return renderTemplate({ name: 't.yml', text }, { variables, find, isLenient })
}

const same: readonly (readonly [string, string])[] = [
  ['{{ project_name }}-web', 'web-web'],
  ["{{ project_name | upper }} {{ 'a b' | title }} {{ 'abc'|capitalize }}", 'WEB A B Abc'],
  ["{{ missing | default('x') }} {{ missing | d('y') }}", 'x y'],
  ["{{ '' | default('x', true) }}", 'x'],
  ["{% if env == 'prod' %}a{% elif n > 2 %}b{% else %}c{% endif %}", 'b'],
  ['{% for i in range(3) %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}', '0,1,2'],
  ['{% for k, v in conf.items() %}{{ k }}={{ v }};{% endfor %}', 'a=1;b=two;'],
  ['{% for k, v in conf|dictsort %}{{ k }}={{ v }};{% endfor %}', 'a=1;b=two;'],
  ["{% for x in items if x != 'b' %}{{ loop.index }}{{ x }}{% else %}none{% endfor %}", '1a2c'],
  ['{% for x in [] %}{{ x }}{% else %}none{% endfor %}', 'none'],
  ['{% set a = 3 %}{{ a + 1 }} {{ a * 2 }} {{ a / 2 }} {{ a // 2 }} {{ a % 2 }} {{ a ** 2 }}', '4 6 1.5 1 1 9'],
  ['{% set a, b = 1, 2 %}{{ a }}{{ b }}', '12'],
  ['{% set x %}block {{ n }}{% endset %}{{ x }}', 'block 3'],
  ['{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}', '3'],
  ["{% macro env(name, value='d') %}{{ name }}: {{ value }}{% endmacro %}{{ env('A') }} {{ env('B', value='z') }}", 'A: d B: z'],
  ['{% macro wrap() %}<{{ caller() }}>{% endmacro %}{% call wrap() %}in{% endcall %}', '<in>'],
  [
    '{% macro each(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(x) each([1,2]) %}[{{ x }}]{% endcall %}',
    '[1][2]',
  ],
  ['{% filter upper %}abc{% endfilter %}', 'ABC'],
  ['{# comment #}a{#- trim -#} b', 'ab'],
  ['a\n  {%- if true %} b {%- endif -%}  \n c', 'a bc'],
  ['{% raw %}{{ x }}{% endraw %}', '{{ x }}'],
  ['{{ True }} {{ False }} {{ None }} {{ true }} {{ none }}', 'True False None True None'],
  ['{{ items }} {{ conf }}', "['a', 'b', 'c'] {'a': 1, 'b': 'two'}"],
  ["{{ [1, 'a', 2.5, True, None] }}", "[1, 'a', 2.5, True, None]"],
  ['{{ 1.0 }} {{ 3 / 3 }} {{ 10 / 4 }} {{ 7 // 2 }} {{ 2 ** 10 }}', '1.0 1.0 2.5 3 1024'],
  ["{{ 'a' ~ 1 ~ true }}", 'a1True'],
  ["{{ 'x' if n == 3 else 'y' }}{{ 'z' if n == 4 }}", 'x'],
  ["{{ 'b' in items }} {{ 'z' not in items }} {{ 'ell' in 'hello' }} {{ 'a' in conf }}", 'True True True True'],
  [
    "{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ n is number }} {{ 'a' is string }} {{ conf is mapping }} {{ items is sequence }} {{ none is none }} {{ n is odd }} {{ n is even }} {{ n is divisibleby 3 }} {{ items is iterable }} {{ n is eq 3 }} {{ n is in [3] }} {{ n is not none }}",
    'True False True True True True True True True False True True True True True',
  ],
  [
    "{{ 'a,b,c'.split(',') | join('-') }} {{ 'Ab'.lower() }} {{ 'Ab'.upper() }} {{ ' x '.strip() }} {{ 'abc'.replace('b','X') }} {{ 'abc'.startswith('a') }} {{ 'abc'.endswith('c') }} {{ '{}-{}'.format(1, 'b') }} {{ '-'.join(items) }} {{ 'a_b'.title() }} {{'abc'.find('c')}}",
    'a-b-c ab AB x aXc True True 1-b a-b-c A_B 2',
  ],
  ["{{ '%s-%03d' % ('a', 7) }} {{ '%s' % 'x' }} {{ '%s-%s' | format('a', 'b') }}", 'a-007 x a-b'],
  [
    "{{ items[0] }} {{ items[-1] }} {{ items[1:] }} {{ items[:2] }} {{ 'hello'[1:3] }} {{ items[::-1] }}",
    "a c ['b', 'c'] ['a', 'b'] el ['c', 'b', 'a']",
  ],
  [
    "{{ conf.a }} {{ conf['a'] }} {{ conf.get('zz', 'no') }} {{ conf.get('a') }} {{ conf.keys()|list }} {{ conf.values()|list }}",
    "1 1 no 1 ['a', 'b'] [1, 'two']",
  ],
  ['{{ nested.a.b[0].c }}', 'deep'],
  [
    "{{ items | length }} {{ items | count }} {{ items | first }} {{ items | last }} {{ items | reverse | list }} {{ items | sort(reverse=true) }} {{ items|join(', ') }}",
    "3 3 a c ['c', 'b', 'a'] ['c', 'b', 'a'] a, b, c",
  ],
  [
    "{{ people | map(attribute='name') | join(',') }} {{ people | selectattr('age', 'gt', 30) | map(attribute='name') | list }} {{ people | rejectattr('admin') | map(attribute='name') | join }} {{ people | sum(attribute='age') }} {{ people | sort(attribute='age') | map(attribute='name') | join(' ') }}",
    "ann,bob,cy ['ann', 'cy'] bobcy 96 bob ann cy",
  ],
  [
    "{{ people | groupby('team') | length }} {% for team, ps in people | groupby('team') %}{{ team }}:{{ ps|map(attribute='name')|join('+') }};{% endfor %}",
    '2 x:ann+cy;y:bob;',
  ],
  [
    "{{ [3,1,2] | max }} {{ [3,1,2] | min }} {{ [1,1,2] | unique | list }} {{ [1,2,3] | select('odd') | list }} {{ [1,2,3]|reject('odd')|list }} {{ ['a','b']|map('upper')|list }}",
    "3 1 [1, 2] [1, 3] [2] ['A', 'B']",
  ],
  ['{{ [1,2,3,4,5] | batch(2) | list }} {{ [1,2,3,4,5]|slice(2)|list }}', '[[1, 2], [3, 4], [5]] [[1, 2, 3], [4, 5]]'],
  [
    "{{ 'a\nb' | indent(4) }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\nb'|indent(width=2, first=True) }}",
    'a\n    b|  a\n  b|  a\n  b',
  ],
  [
    "{{ conf | tojson }} {{ 'a\"b' | tojson }} {{ items | tojson }} {{ {'b': 1, 'a': [1,2]} | tojson(indent=2) }}",
    '{"a": 1, "b": "two"} "a\\"b" ["a", "b", "c"] {\n  "a": [\n    1,\n    2\n  ],\n  "b": 1\n}',
  ],
  [
    "{{ '3' | int + 1 }} {{ 'x' | int(7) }} {{ '2.5' | float }} {{ 3 | string }} {{ 3.7 | round }} {{ 3.14159 | round(2) }} {{ 3.2|round(0,'ceil')|int }} {{ -3 | abs }}",
    '4 7 2.5 3 4.0 3.14 4 3',
  ],
  [
    "{{ '  a b ' | trim }} {{ 'abc' | replace('b', 'x') }} {{ 'a b c' | wordcount }} {{ 'hello world foo' | truncate(8, true, '..') }} {{ 'hello world' | truncate(5) }} {{ 'ab' | center(6) }}|",
    'a b axc 3 hello .. he...   ab  |',
  ],
  [
    "{{ '<b>' | escape }} {{ '<b>' | e }} {{ '<b>' | safe }} {{ 'a b&c' | urlencode }} {{ '<b>x</b>' | striptags }}",
    '&lt;b&gt; &lt;b&gt; <b> a%20b%26c x',
  ],
  [
    "{% set ns = namespace(found=false) %}{% for i in items %}{% if i == 'b' %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}",
    'True',
  ],
  [
    "{% for i in items %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ loop.length }}{{ loop.cycle('x','y') }}{{ loop.previtem|default('-') }}{{ loop.nextitem|default('+') }} {% endfor %}",
    '03True3x-b 12False3yac 21False3xb+ ',
  ],
  ['{% set v = 1 %}{% for i in items %}{% set v = 2 %}{% endfor %}{{ v }}', '1'],
  ['{% set v = 1 %}{% if true %}{% set v = 2 %}{% endif %}{{ v }}', '2'],
  ["{{ dict(a=1, b='x') }} {{ dict(a=1).a }}", "{'a': 1, 'b': 'x'} 1"],
  ["{{ (1, 2) }} {{ (1,) }} {{ {'a': 1} }} {{ {'a': {'b': [1]}} }}", "(1, 2) (1,) {'a': 1} {'a': {'b': [1]}}"],
  ["{{ not true }} {{ true and 0 }} {{ 0 or 'a' }} {{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ 'a' != 'b' }}", 'False 0 a True True True'],
  ["{{ 'it''s' }}", 'its'],
  ['{{ "q" \'r\' }}', 'qr'],
  ['{{ 1_000 }} {{ 0x1f }} {{ 1e3 }}', '1000 31 1000.0'],
  ["{% include 'inc.yml' %}", 'inc web'],
  ["{% include 'none.yml' ignore missing %}x", 'x'],
  ["{% from 'macros.yml' import env %}{{ env('a') }}", 'Ma'],
  ["{% from 'macros.yml' import env as e2, other with context %}{{ e2('a') }}{{ other() }}", 'MaOweb'],
  ["{% import 'macros.yml' as m %}{{ m.env('a') }}", 'Ma'],
  ["{% extends 'base.yml' %}{% block body %}own {{ super() }}{% endblock %}", '<own base>'],
  ['{% block a %}A{% endblock %}{{ self.a() }}', 'AA'],
  ["{{ conf.missing | default('d') }}", 'd'],
  ['{% if conf.missing is defined %}a{% else %}b{% endif %}', 'b'],
  ["{{ 'line' }}\n", 'line'],
  ["{{ '\\n' }}x{{ 'tab\\t' }}", '\nxtab\t'],
  ['{%+ if true %}a{%+ endif %}', 'a'],
  ['# comment {{ n }}\n## {% if n %}yes{% endif %}\n', '# comment 3\n## yes'],
  ["{{ people[0].name }} {{ people|map(attribute='address.city', default='-')|join(',') }}", 'ann X,-,-'],
  [
    "{{ 'abc' | list }} {{ 'abc'|reverse }} {{ 'abc' | first }} {{ conf | list }} {{ conf|length }}",
    "['a', 'b', 'c'] cba a ['a', 'b'] 2",
  ],
  ["{{ items + ['z'] }} {{ [1] * 3 }} {{ 'ab' * 2 }}", "['a', 'b', 'c', 'z'] [1, 1, 1] abab"],
  ["{{ n | string | length }} {{ 5 | filesizeformat }} {{ 'a b'|wordwrap(1) }}", '1 5 Bytes a\nb'],
  ["{{ items | map('replace', 'a', 'z') | join(',') }}", 'z,b,c'],
  ['{% for a in [[1,2],[3,4]] recursive %}{{ a[0] }}{% endfor %}', '13'],
  ['{% for item in tree recursive %}{{ item.n }}{% if item.c %}({{ loop(item.c) }}){% endif %}{% endfor %}', '1(2)'],
  [
    "{{ items is sameas items }} {{ 'A' is upper }} {{ 'a' is lower }} {{ n is integer }} {{ 1.5 is float }} {{ true is boolean }} {{ n is callable }} {{ n is ge 3 }} {{ 'abc' is filter }} {{ 'upper' is filter }}",
    'True True True True True True False True False True',
  ],
  ['{{ 10 | pprint }} {{ conf|xmlattr }} {{ conf|items|list }}', "10  a=\"1\" b=\"two\" [('a', 1), ('b', 'two')]"],
  ["{%- if env == 'dev' -%}\n  x\n{%- endif %}\n", 'x'],
  ['a:\n{% for i in items %}\n  - {{ i }}\n{% endfor %}\nb: 1\n', 'a:\n\n  - a\n\n  - b\n\n  - c\n\nb: 1'],
  ['a:\n{%- for i in items %}\n  - {{ i }}\n{%- endfor %}\n', 'a:\n  - a\n  - b\n  - c'],
  ["{{ 'a' if n > 2 and env != 'prod' or false else 'b' }}", 'a'],
  ['{{ not n == 3 }} {{ n + 1 * 2 }} {{ (n + 1) * 2 }} {{ -n ** 2 }} {{ 2 ** 3 ** 2 }}', 'False 5 8 9 64'],
  ['{{ n is not defined }} {{ not n is defined }} {{ n is defined and n > 1 }}', 'False False True'],
  ["{{ env in ['dev', 'staging'] }} {{ 'x' in 'xyz' and true }}", 'True True'],
  ["{{ items | join(', ') | upper }} {{ (items | first) ~ '-' ~ (items|last) }}", 'A, B, C a-c'],
  [
    '{{ conf.items() | list }} {{ conf | dictsort | first }} {% for k in conf %}{{ k }}{% endfor %}',
    "[('a', 1), ('b', 'two')] ('a', 1) ab",
  ],
  ["{{ nested['a']['b'][0]['c'] }} {{ nested.a.b.0.c }}", 'deep deep'],
  ["{% for p in people|sort(attribute='age', reverse=true) %}{{ p.name }} {% endfor %}", 'cy ann bob '],
  ['{% for p in people if p.admin %}{{ p.name }}{{ loop.index }}/{{ loop.length }}{% endfor %}', 'ann1/1'],
  ["{% set xs = [] %}{% for i in items %}{% set _ = xs.append(i ~ '!') %}{% endfor %}{{ xs }}", "['a!', 'b!', 'c!']"],
  ['{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}', "12(3,){'x': 4}"],
  ['{% macro m(a) %}{{ m.name }}{{ m.arguments }}{% endmacro %}{{ m(1) }}', "m('a',)"],
  ["{% set m = 'x' %}{% macro f() %}{{ m }}{% endmacro %}{{ f() }}", 'x'],
  ['{% for i in [1,2] %}{% macro f() %}{{ i }}{% endmacro %}{{ f() }}{% endfor %}', '12'],
  ['{% block a %}{% set q = 1 %}{{ q }}{% endblock %}{{ q is defined }}', '1False'],
  ['{% for i in items %}{% block b %}{{ i is defined }}{% endblock %}{% endfor %}', 'FalseFalseFalse'],
  ['{% for i in items %}{% block b scoped %}{{ i }}{% endblock %}{% endfor %}', 'abc'],
  ['{% set x = 1 if false %}{{ x is defined }}|{{ x }}', 'False|'],
  ['{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}', '1'],
  ["{% include ['none', 'inc.yml'] %}", 'inc web'],
  ["{% for i in items %}{% include 'inc.yml' %}{% endfor %}", 'inc webinc webinc web'],
  ["{% filter replace('a', 'b') | upper %}aaa{% endfilter %}", 'BBB'],
  ['{% set y | upper %}abc{% endset %}{{ y }}', 'ABC'],
  ["{{ {'a': {'b': 2}}['a'].b }} {{ [1, [2, 3]][1][0] }}", '2 2'],
  ["{{ 'abc'[-1] }} {{ 'abc'[1:] }} {{ items[-2:] }} {{ [1,2,3,4][1:3] }} {{ [1,2,3,4][::2] }}", "c bc ['b', 'c'] [2, 3] [1, 3]"],
  [
    '{{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7.5 // 2 }} {{ 1e20 }} {{ 0.1 + 0.2 }} {{ 1.10 }}',
    '3.5 3 -4 2 3.0 1e+20 0.30000000000000004 1.1',
  ],
  ["{{ 'a\\'b' }} {{ [\"a'b\", 'c\"d'] }} {{ ['\\n'] }} {{ 'ü' }} {{ ['ü'] }}", "a'b [\"a'b\", 'c\"d'] ['\\n'] ü ['ü']"],
  [
    "{{ true is sameas true }} {{ 1 is number }} {{ '1' is number }} {{ [] is sequence }} {{ {} is mapping }} {{ 3 is divisibleby(3) }} {{ 'a' is in 'abc' }}",
    'True True False True True True True',
  ],
  [
    "{{ [1,2,3] | sum }} {{ [[1,2],[3]] | sum(start=[]) }} {{ people | map(attribute='name') | first }} {{ items | map('upper') | join }}",
    '6 [1, 2, 3] ann ABC',
  ],
  [
    "{{ people | selectattr('team', 'equalto', 'x') | list | length }} {{ people | selectattr('address', 'defined') | list | count }} {{ people|rejectattr('team','in',['x'])|map(attribute='name')|list }}",
    "2 1 ['bob']",
  ],
  [
    "{{ 'hello world' | title }} {{ \"it's me\" | title }} {{ 'HELLO' | capitalize }} {{ 'a-b_c' | replace('-', '_') | upper }}",
    "Hello World It's Me Hello A_B_C",
  ],
  [
    "{{ '%.2f' | format(3.14159) }} {{ '%5d|%-5s|' % (42, 'ab') }} {{ '{:>5}|{:<5}|{:^5}|{:05.1f}'.format('a', 'b', 'c', 2.345) }} {{ '{a}-{b}'.format(a=1, b=2) }} {{ '{0}{0}'.format('x') }}",
    '3.14    42|ab   |     a|b    |  c  |002.3 1-2 xx',
  ],
  [
    "{{ items | tojson }} {{ conf | tojson(indent=2) }} {{ 'é<' | tojson }} {{ none | tojson }} {{ 1.5 | tojson }}",
    '["a", "b", "c"] {\n  "a": 1,\n  "b": "two"\n} "\\u00e9\\u003c" null 1.5',
  ],
  [
    "{{ 'line1\nline2' | indent(2) }}|{{ 'a\n\nb' | indent(2) }}|{{ 'a\n\nb' | indent(2, blank=true) }}",
    'line1\n  line2|a\n\n  b|a\n  \n  b',
  ],
  [
    "{{ 42 | string ~ 'x' }} {{ '42' | int * 2 }} {{ 'ff' | int(base=16) }} {{ none | default('x') }} {{ none | default('x', true) }} {{ '' | default('y', boolean=True) }}",
    '42x 84 255 None x y',
  ],
  [
    "{{ 5 | round }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.567 | round(1, 'floor') }} {{ 2.567 | round(2) }}",
    '5 2.0 4.0 2.5 2.57',
  ],
  [
    "{{ [3,1,2] | sort | join }} {{ ['b','A','c'] | sort }} {{ ['b','A','c'] | sort(case_sensitive=true) }} {{ ['a','B','b'] | unique | list }}",
    "123 ['A', 'b', 'c'] ['A', 'b', 'c'] ['a', 'B']",
  ],
  [
    "{{ 'foo bar baz' | wordwrap(7) }} {{ 'foobar' | truncate(3, true, '') }} {{ 'a b c d' | truncate(5, leeway=0) }}",
    'foo bar\nbaz foobar a...',
  ],
  [
    "{{ 'a,b' .split(',')[1] }} {{ 'x'.join(['a','b']) }} {{ 'abc'.index('c') }} {{ ' a '.strip() ~ '|' }} {{ 'a.b.c'.rsplit('.', 1) }} {{ '1,2,,3'.split(',') }}",
    "b axb 2 a| ['a.b', 'c'] ['1', '2', '', '3']",
  ],
  ["{{ range(3) | list }} {{ range(2, 5) | join('-') }} {{ range(10, 0, -3) | list }}", '[0, 1, 2] 2-3-4 [10, 7, 4, 1]'],
  ["{% if items %}y{% endif %}{% if not [] %}z{% endif %}{% if conf.a == 1 and conf.get('zz') is none %}w{% endif %}", 'yzw'],
  ["{{ conf.update({'c': 3}) }}{{ conf.c }} {{ conf.pop('c') }}", 'None3 3'],
  ['{{ (1, 2)[0] }} {{ (1, 2) | list }} {{ (1, 2) == [1, 2] }} {{ [1] == [1] }}', '1 [1, 2] False True'],
  ["{{ 1 if n }} {{ (missing if false else 'ok') }}", '1 ok'],
  ['{{ "a" \n ~ \n "b" }}', 'ab'],
  ['{%- raw -%} {{ x }} {%- endraw -%} ', '{{ x }}'],
  ['{#- c -#} a {#+ d +#} b', 'a  b'],
  ["{{ '{{' }} {{ '}}' }} {{ \"{% raw %}\" }}", '{{ }} {% raw %}'],
  ["{{ {'a':1}.a }}}", '1}'],
  ['{{ nested.a | tojson }}', '{"b": [{"c": "deep"}]}'],
  [
    '{% for a, b in [[1,2],[3,4]] %}{{ a }}{{ b }}{% endfor %}{% for k, (a, b) in [[1,[2,3]]] %}{{ k }}{{ a }}{{ b }}{% endfor %}',
    '1234123',
  ],
  ['{{ loop is defined }} {% for i in [1] %}{{ loop is defined }}{% endfor %}', 'False True'],
  [
    "{{ people | groupby('team') | map(attribute='grouper') | list }} {% for g in people|groupby('team') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}",
    "['x', 'y'] x2y1",
  ],
  ['{{ items | first | upper | lower | capitalize }}', 'A'],
  ["{{ n|abs|string|length }} {{ -5|abs }} {{ '-5'|int|abs }}", '1 5 5'],
]

for (const [text, expected] of same) {
  test(`renderTemplate() gives what Jinja2 gives for ${JSON.stringify(text)}`, () => assert.equal(rendered(text), expected))
}

const faults: readonly (readonly [string, string])[] = [
  ['a\n  {{ missing }}', '2:6 "missing" is undefined'],
  ['{{ conf.missing.deeper | default(1) }}', "1:8 'dict object' has no attribute 'missing'"],
  ['{% if missing %}a{% endif %}', '1:7 "missing" is undefined'],
  ['{% for i in missing %}{% endfor %}', '1:13 "missing" is undefined'],
  ['{{ items | nosuch }}', "1:12 No filter named 'nosuch'."],
  ['{{ items is nosuch }}', "1:13 No test named 'nosuch'."],
  ['\n{% nosuch %}', "2:4 Encountered unknown tag 'nosuch'."],
  ['{{ 1 + }}', "1:8 unexpected '}}'"],
  ['{% if n %}', "1:11 Unexpected end of template. Looking for one of: 'elif', 'else', 'endif'."],
  ["{{ 'a' + 1 }}", '1:8 can only concatenate str (not "int") to str'],
  ['{{ items[9] }}', '1:9 list object has no element 9'],
  ["{% include 'none.yml' %}", '1:12 template "none.yml" does not exist'],
  ['{{ n ', '1:1 unexpected end of template: a "{{" is not closed'],
  ['{{ n() }}', "1:5 'int' object is not callable"],
  ['{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', '1:20 the template calls itself without end'],
  ['{{ n ! }}', '1:6 unexpected char "!"'],
]

for (const [text, expected] of faults) {
  test(`renderTemplate() says where and why ${JSON.stringify(text)} fails`, () => {
    assert.throws(
      () => rendered(text),
      (error: Fault) =>
        `${error.place?.line}:${error.place?.column} ${error.message}` === expected ||
        assert.fail(`${error.place?.line}:${error.place?.column} ${error.message}`),
    )
  })
}

test('renderTemplate() prints nothing for undefined names where it is lenient', () => {
  assert.equal(rendered('a{{ missing }}b{% for i in missing %}c{% endfor %}', true), 'ab')
})

test('renderTemplate() has two filters more than Jinja2', () => {
  assert.equal(rendered(`{{ 'x' | b64encode }} {{ 'a"b' | quote }}`), 'eA== "a\\"b"')
})
