/** Semantic versions (upstream `pkg/cel/library/semverlib.go`, blang/semver). */
import { type Functions, global, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, Int, Str } from '../type.ts'
import { Semver } from '../type-names.ts'
import { CelOpaque } from '../value.ts'

type Numbers = readonly [bigint, bigint, bigint]

class CelSemver extends CelOpaque {
  readonly type = Semver
  readonly numbers: Numbers
  readonly pre: readonly string[]
  constructor(numbers: Numbers, pre: readonly string[]) {
    super()
    this.numbers = numbers
    this.pre = pre
  }
  equals(other: CelOpaque): boolean {
    return other instanceof CelSemver && compare(this, other) === 0
  }
}

const S = Semver

export const semver: Functions = {
  semver: [
    global('string_to_semver', [Str], S, ([text]) => parse(text)),
    global('string_bool_to_semver', [Str, Bool], S, ([text, loose]) => parse(loose ? normalize(text) : text)),
  ],
  isSemver: [
    global('is_semver_string', [Str], Bool, ([text]) => succeeds(() => parse(text))),
    global('is_semver_string_bool', [Str, Bool], Bool, ([text, loose]) => succeeds(() => parse(loose ? normalize(text) : text))),
  ],
  isGreaterThan: [member('semver_is_greater_than', [S, S], Bool, ([a, b]) => compare(a, b) > 0)],
  isLessThan: [member('semver_is_less_than', [S, S], Bool, ([a, b]) => compare(a, b) < 0)],
  compareTo: [member('semver_compare_to', [S, S], Int, ([a, b]) => BigInt(compare(a, b)))],
  major: [member('semver_major', [S], Int, ([{ numbers }]) => numbers[0])],
  minor: [member('semver_minor', [S], Int, ([{ numbers }]) => numbers[1])],
  patch: [member('semver_patch', [S], Int, ([{ numbers }]) => numbers[2])],
}

function succeeds(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

/** Texts of errors are blang/semver's. */
function parse(text: string): CelSemver {
  if (text === '') throw new CelFailure('Version string empty')
  const [major, minor, rest] = splitThree(text)
  if (minor === undefined || rest === undefined) throw new CelFailure('No Major.Minor.Patch elements found')
  const build = rest.indexOf('+')
  const withoutBuild = build < 0 ? rest : rest.slice(0, build)
  const dash = withoutBuild.indexOf('-')
  const patch = dash < 0 ? withoutBuild : withoutBuild.slice(0, dash)
  const pre = dash < 0 ? [] : withoutBuild.slice(dash + 1).split('.')
  const numbers: Numbers = [number(major as string, 'major'), number(minor, 'minor'), number(patch, 'patch')]
  for (const part of pre) checkPre(part)
  if (build >= 0) for (const part of rest.slice(build + 1).split('.')) checkBuild(part)
  return new CelSemver(numbers, pre)
}

function splitThree(text: string): string[] {
  const [major = '', minor, ...rest] = text.split('.')
  return minor === undefined ? [major] : rest.length === 0 ? [major, minor] : [major, minor, rest.join('.')]
}

function number(text: string, which: 'major' | 'minor' | 'patch'): bigint {
  const Which = which[0]?.toUpperCase() + which.slice(1)
  const quoted = JSON.stringify(text)
  if (!/^\d+$/.test(text)) throw new CelFailure(`Invalid character(s) found in ${which} number ${quoted}`)
  if (text.length > 1 && text.startsWith('0')) throw new CelFailure(`${Which} number must not contain leading zeroes ${quoted}`)
  const value = BigInt(text)
  if (BigInt.asUintN(64, value) !== value) {
    throw new CelFailure(`strconv.ParseUint: parsing ${quoted}: value out of range`)
  }
  return value
}

function checkPre(part: string): void {
  if (part === '') throw new CelFailure('Prerelease is empty')
  if (/^\d+$/.test(part) && part.length > 1 && part.startsWith('0')) {
    throw new CelFailure(`Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(part)}`)
  }
  if (!/^[0-9A-Za-z-]+$/.test(part)) throw new CelFailure(`Invalid character(s) found in prerelease ${JSON.stringify(part)}`)
}

function checkBuild(part: string): void {
  if (part === '') throw new CelFailure('Build meta data is empty')
  if (!/^[0-9A-Za-z-]+$/.test(part)) throw new CelFailure(`Invalid character(s) found in build meta data ${JSON.stringify(part)}`)
}

/** Forgives a leading `v`, missing parts and leading zeros. */
function normalize(text: string): string {
  const parts = splitThree(text.replace(/^v/, '')).map((part) => {
    if (part.length <= 1) return part
    const short = part.replace(/^0+/, '')
    return /^\d/.test(short) ? short : `0${short}`
  })
  if (parts.length < 3) {
    if (/[+-]/.test(parts.at(-1) ?? '')) throw new CelFailure('short version cannot contain PreRelease/Build meta data')
    while (parts.length < 3) parts.push('0')
  }
  return parts.join('.')
}

function compare(a: CelSemver, b: CelSemver): number {
  for (const [i, x] of a.numbers.entries()) {
    const y = b.numbers[i] as bigint
    if (x !== y) return x < y ? -1 : 1
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length) as -1 | 0 | 1
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = comparePre(a.pre[i] as string, b.pre[i] as string)
    if (order !== 0) return order
  }
  return Math.sign(a.pre.length - b.pre.length)
}

/** Numbers come before words. */
function comparePre(a: string, b: string): number {
  const [aNumeric, bNumeric] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (aNumeric && bNumeric) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0
  if (aNumeric !== bNumeric) return aNumeric ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}
