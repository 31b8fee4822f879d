/** Methods that Python's strings, lists and dicts have, and that templates call. */
import { Fault } from './fault.ts'
import { formatBraces } from './format.ts'
import {
  type Arguments,
  Callable,
  checked,
  compare,
  equal,
  isTrue,
  itemsOf,
  Namespace,
  namedItem,
  numberOf,
  textOf,
  tuple,
} from './values.ts'

type Method<T> = (self: T, args: readonly unknown[], all: Arguments) => unknown

/** Undefined where there is none. */
export function memberOf(object: unknown, name: string): unknown {
  if (object instanceof Namespace) return object.held.get(name)
  if (object instanceof Callable) return object.members.get(name)
  const item = Array.isArray(object) ? namedItem(object, name) : undefined
  if (item !== undefined) return item
  const table: Readonly<Record<string, Method<any>>> | undefined =
    typeof object === 'string' ? ofText : Array.isArray(object) ? ofList : object instanceof Map ? ofDict : undefined
  const method = table && Object.hasOwn(table, name) ? table[name] : undefined
  return method && new Callable(`method ${name}`, (all) => method(object, all.list.map(checked), all))
}

/** What Python's changing methods answer. */
const done = (_: unknown) => null
const text = (value: unknown): string => {
  if (typeof value === 'string') return value
  throw new Fault(`a text is needed, not ${textOf(value)}`)
}
const characters = (value: unknown) => (value === undefined || value === null ? undefined : text(value))

export function strip(self: string, set: string | undefined, ends: 'both' | 'left' | 'right'): string {
  const isOut = (char: string | undefined) => char !== undefined && (set === undefined ? /\s/.test(char) : set.includes(char))
  let [from, to] = [0, self.length]
  if (ends !== 'right') while (from < to && isOut(self[from])) from++
  if (ends !== 'left') while (to > from && isOut(self[to - 1])) to--
  return self.slice(from, to)
}

export const titled = (self: string) =>
  self.toLowerCase().replace(/\p{L}+/gu, (word) => (word[0] as string).toUpperCase() + word.slice(1))
export const capitalized = (self: string) => self.slice(0, 1).toUpperCase() + self.slice(1).toLowerCase()

function split(self: string, separator: unknown, most: unknown): string[] {
  const limit = numberOf(most) ?? -1
  const wanted = characters(separator)
  if (wanted === '') throw new Fault('empty separator')
  const parts = wanted === undefined ? self.trim().split(/\s+/).filter(Boolean) : self.split(wanted)
  if (limit < 0 || parts.length <= limit + 1) return parts
  if (wanted !== undefined) return [...parts.slice(0, limit), parts.slice(limit).join(wanted)]
  const rest = new RegExp(`^\\s*(?:\\S+\\s+){${limit}}`).exec(self)?.[0].length ?? 0
  return [...parts.slice(0, limit), self.slice(rest).trimEnd()]
}

function splitRight(self: string, separator: unknown, most: unknown): string[] {
  const parts = split(self, separator, undefined)
  const limit = numberOf(most) ?? -1
  if (limit < 0 || parts.length <= limit + 1) return parts
  const cut = parts.length - limit
  return [parts.slice(0, cut).join(characters(separator) ?? ' '), ...parts.slice(cut)]
}

const matches = (wanted: unknown, has: (part: string) => boolean) =>
  (Array.isArray(wanted) ? wanted : [wanted]).some((part) => has(text(part)))
const cased = (self: string) => self.toLowerCase() !== self.toUpperCase()
const spaces = (self: string, width: unknown, fill: unknown) =>
  (characters(fill) ?? ' ').repeat(Math.max(0, (numberOf(width) ?? 0) - self.length))

const ofText: Readonly<Record<string, Method<string>>> = {
  upper: (self) => self.toUpperCase(),
  lower: (self) => self.toLowerCase(),
  casefold: (self) => self.toLowerCase(),
  title: titled,
  capitalize: capitalized,
  swapcase: (self) => [...self].map((c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())).join(''),
  strip: (self, [set]) => strip(self, characters(set), 'both'),
  lstrip: (self, [set]) => strip(self, characters(set), 'left'),
  rstrip: (self, [set]) => strip(self, characters(set), 'right'),
  removeprefix: (self, [prefix]) => (self.startsWith(text(prefix)) ? self.slice(text(prefix).length) : self),
  removesuffix: (self, [suffix]) => (text(suffix) && self.endsWith(text(suffix)) ? self.slice(0, -text(suffix).length) : self),
  split: (self, [separator, most], { named }) => split(self, separator ?? named.get('sep'), most ?? named.get('maxsplit')),
  rsplit: (self, [separator, most], { named }) => splitRight(self, separator ?? named.get('sep'), most ?? named.get('maxsplit')),
  splitlines: (self) => self.replace(/\n$/, '').split('\n'),
  partition(self, [separator]) {
    const at = self.indexOf(text(separator))
    return tuple(at < 0 ? [self, '', ''] : [self.slice(0, at), separator, self.slice(at + text(separator).length)])
  },
  rpartition(self, [separator]) {
    const at = self.lastIndexOf(text(separator))
    return tuple(at < 0 ? ['', '', self] : [self.slice(0, at), separator, self.slice(at + text(separator).length)])
  },
  replace(self, [old, young, most]) {
    const limit = numberOf(most) ?? -1
    if (limit < 0) return self.replaceAll(text(old), () => text(young))
    const parts = self.split(text(old))
    return (
      parts.slice(0, limit + 1).join(text(young)) +
      parts
        .slice(limit + 1)
        .map((part) => text(old) + part)
        .join('')
    )
  },
  startswith: (self, [wanted]) => matches(wanted, (part) => self.startsWith(part)),
  endswith: (self, [wanted]) => matches(wanted, (part) => self.endsWith(part)),
  join: (self, [items]) => itemsOf(items).map(text).join(self),
  format: (self, _, all) => formatBraces(self, all),
  find: (self, [part]) => self.indexOf(text(part)),
  rfind: (self, [part]) => self.lastIndexOf(text(part)),
  index(self, [part]) {
    const at = self.indexOf(text(part))
    if (at < 0) throw new Fault('substring not found')
    return at
  },
  count: (self, [part]) => self.split(text(part)).length - 1,
  isdigit: (self) => /^\p{Nd}+$/u.test(self),
  isnumeric: (self) => /^\p{N}+$/u.test(self),
  isalpha: (self) => /^\p{L}+$/u.test(self),
  isalnum: (self) => /^[\p{L}\p{N}]+$/u.test(self),
  isspace: (self) => /^\s+$/.test(self),
  isupper: (self) => cased(self) && self === self.toUpperCase(),
  islower: (self) => cased(self) && self === self.toLowerCase(),
  zfill: (self, [width]) => {
    const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(self) ?? []
    return sign + spaces(self, width, '0') + digits
  },
  ljust: (self, [width, fill]) => self + spaces(self, width, fill),
  rjust: (self, [width, fill]) => spaces(self, width, fill) + self,
  center: (self, [width, fill]) => centered(self, numberOf(width) ?? 0, characters(fill)),
}

export function centered(self: string, width: number, fill = ' '): string {
  const missing = Math.max(0, width - self.length)
  const left = (missing >> 1) + (missing & width & 1)
  return fill.repeat(left) + self + fill.repeat(missing - left)
}

const ofList: Readonly<Record<string, Method<unknown[]>>> = {
  append: (self, [item]) => done(self.push(item)),
  extend: (self, [items]) => done(self.push(...itemsOf(items))),
  insert: (self, [at, item]) => done(self.splice(numberOf(at) ?? 0, 0, item)),
  pop(self, [at]) {
    if (self.length === 0) throw new Fault('pop from empty list')
    return self.splice(numberOf(at) ?? -1, 1)[0]
  },
  remove(self, [item]) {
    const at = self.findIndex((one) => equal(one, item))
    if (at < 0) throw new Fault('list.remove(x): x not in list')
    self.splice(at, 1)
    return null
  },
  index(self, [item]) {
    const at = self.findIndex((one) => equal(one, item))
    if (at < 0) throw new Fault(`${textOf(item)} is not in list`)
    return at
  },
  count: (self, [item]) => self.filter((one) => equal(one, item)).length,
  reverse: (self) => done(self.reverse()),
  sort(self, _, { named }) {
    self.sort(compare)
    if (isTrue(named.get('reverse') ?? false)) self.reverse()
    return null
  },
  copy: (self) => [...self],
  clear: (self) => done(self.splice(0)),
}

const ofDict: Readonly<Record<string, Method<Map<unknown, unknown>>>> = {
  items: (self) => [...self].map((pair) => tuple([...pair])),
  keys: (self) => [...self.keys()],
  values: (self) => [...self.values()],
  get: (self, [key, otherwise]) => (self.has(key) ? self.get(key) : (otherwise ?? null)),
  pop(self, [key, ...otherwise]) {
    if (!self.has(key) && otherwise.length === 0) throw new Fault(`no key ${textOf(key)}`)
    const held = self.has(key) ? self.get(key) : otherwise[0]
    self.delete(key)
    return held
  },
  setdefault(self, [key, otherwise]) {
    if (!self.has(key)) self.set(key, otherwise ?? null)
    return self.get(key)
  },
  update(self, [other], { named }) {
    if (other instanceof Map) for (const [key, held] of other) self.set(key, held)
    for (const [key, held] of named) self.set(key, held)
    return null
  },
  copy: (self) => new Map(self),
  clear: (self) => done(self.clear()),
}
