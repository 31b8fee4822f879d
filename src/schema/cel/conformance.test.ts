/** The CEL specification's own tests, as far as they need no protobuf messages. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { tests } from '@bufbuild/cel-spec/testdata/conformance.js'
import { CelCompileError, type CelDeclared, compileCel } from './compile.ts'
import { celEqual } from './equal.ts'
import { ArrayList, CelDuration, CelTypeValue, CelUint, parseCelDuration, parseTimestamp, ValueMap } from './value.ts'

/** What Kubernetes' environment leaves out, or forbids: mixed literals, other libraries, quoted names. */
const stricter = /expected type|found no matching overload|undeclared reference|token recognition|must be a simple name/

/** What cel-go 0.26 with version 2 of the string library does otherwise. */
const different = new Set([
  ...['positive', 'negative'].flatMap((sign) => [
    `string_ext/format/${sign} infinity support for scientific notation`,
    `string_ext/format/${sign} infinity support for decimal`,
    `string_ext/format/${sign} infinity support for fixed-point`,
  ]),
  'string_ext/format/dyntype NaN/infinity support',
  'string_ext/format/NaN support for decimal',
  'string_ext/value_errors/indexof_out_of_range',
])

const meter = { charge() {} }

test('the conformance tests of the CEL specification pass', () => {
  const wrong: string[] = []
  let passed = 0
  for (const { name, spec } of casesOf(tests, [])) {
    const verdict = run(spec)
    if (verdict === 'passed') passed++
    else if (verdict !== 'skipped' && !different.has(name)) wrong.push(`${name}: ${spec.expr}: ${verdict}`)
  }
  assert.deepEqual(wrong, [])
  assert.ok(passed > 1250, `only ${passed} were run`)
})

function casesOf(suite: any, path: readonly string[]): { name: string; spec: any }[] {
  return [
    ...(suite.tests ?? []).map(({ original }: any) => ({ name: [...path, original.name].join('/'), spec: original })),
    ...(suite.suites ?? []).flatMap((inner: any) => casesOf(inner, [...path, inner.name])),
  ]
}

const messages = /TestAllTypes|conformance\.proto|google\.protobuf\.(?!Duration|Timestamp)|cel\.expr|google\.type/

function run(spec: any): string {
  if (spec.container || messages.test(JSON.stringify(spec))) return 'skipped'
  const wanted = spec.value ? held(spec.value) : spec.typedResult?.result ? held(spec.typedResult.result) : undefined
  const bindings = Object.entries<any>(spec.bindings ?? {}).map(([name, { value }]) => [name, held(value)] as const)
  const variables: Record<string, CelDeclared> = Object.fromEntries(bindings.map(([name]) => [name, 'dyn' as const]))
  try {
    const found = compileCel(spec.expr, { variables }).evaluate(Object.fromEntries(bindings), { remaining: 1e6 })
    if (spec.evalError) return `gave ${found}`
    if (wanted === undefined || (Number.isNaN(found) && Number.isNaN(wanted))) return 'passed'
    return typeof found === typeof wanted && celEqual(found, wanted, meter) ? 'passed' : `gave ${String(found)}`
  } catch (error) {
    if (spec.evalError) return 'passed'
    if (error instanceof CelCompileError && stricter.test(error.message)) return 'skipped'
    return wanted === undefined ? 'skipped' : (error as Error).message
  }
}

function held(given: any): unknown {
  const [kind, value] = Object.entries<any>(given)[0] as [string, any]
  switch (kind) {
    case 'nullValue':
      return null
    case 'int64Value':
      return BigInt(value)
    case 'uint64Value':
      return new CelUint(BigInt(value))
    case 'doubleValue':
      return Number(value)
    case 'bytesValue':
      return new Uint8Array(Buffer.from(value, 'base64'))
    case 'listValue':
      return new ArrayList((value.values ?? []).map(held))
    case 'mapValue':
      return mapOf(value.entries ?? [])
    case 'typeValue':
      return new CelTypeValue(value)
    case 'objectValue':
      return value['@type'].endsWith('Duration') ? new CelDuration(parseCelDuration(value.value)) : parseTimestamp(value.value)
    default:
      return value
  }
}

function mapOf(entries: readonly any[]): ValueMap {
  const map = new ValueMap()
  for (const { key, value } of entries) map.set(held(key), held(value))
  return map
}
