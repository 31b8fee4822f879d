/** Every kind, field by field, as the real kubectl explains it from what this server publishes; held against the official client's models. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as library from '@kubernetes/client-node'
import { kinds } from '#api/kinds.ts'
import type { Kind } from '#schema/kind.ts'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'

const { kubectl: program, missing: skip } = realClients()
let plane: ControlPlane

before(async () => {
  if (!skip) plane = await openControlPlane()
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

/** A field as it is explained: its type, and whether it is required. */
interface Explained {
  readonly type: string
  readonly isRequired: boolean
  readonly fields: Map<string, Explained>
}

/** What `kubectl explain --recursive` prints: a field to a line, two blanks further in for each level. */
function treeOf(text: string): Map<string, Explained> {
  const root = new Map<string, Explained>()
  const stack = [root]
  const lines = text.slice(text.indexOf('FIELDS:')).split('\n').slice(1)
  for (const line of lines) {
    const found = /^(?<indent> +)(?<name>\S+)\t<(?<type>[^>]*(?:<[^>]*>)?[^>]*)>(?<rest>.*)$/.exec(line)?.groups
    if (!found) continue
    const depth = (found.indent as string).length / 2
    const fields = new Map<string, Explained>()
    const entry = { type: found.type as string, isRequired: (found.rest as string).includes('-required-'), fields }
    ;(stack[depth - 1] as Map<string, Explained>).set(found.name as string, entry)
    stack[depth] = fields
  }
  return root
}

interface Model {
  readonly attributeTypeMap: readonly { readonly baseName: string; readonly type: string; readonly format: string }[]
}

const models = library as unknown as Readonly<Record<string, Model | undefined>>
const declarations = join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen/models')

/** Names of a model's fields that are not optional. */
function requiredOf(className: string): Set<string> {
  const text = readFileSync(join(declarations, `${className}.d.ts`), 'utf8')
  return new Set(
    [...text.matchAll(/^ {4}'(?<name>[^']+)'(?<mark>\??):/gm)].flatMap(({ groups }) =>
      groups?.mark ? [] : [groups?.name as string],
    ),
  )
}

function modelOf({ group, version, kind }: Kind): string | undefined {
  const capital = (word: string) => `${word[0]?.toUpperCase()}${word.slice(1)}`
  const short = capital((group || 'core').split('.')[0] as string)
  return [`${short}${capital(version)}${kind}`, `${capital(version)}${kind}`].find((name) => models[name]?.attributeTypeMap)
}

/** Words that kubectl has for what the library calls by JavaScript's. */
const words: Readonly<Record<string, readonly string[]>> = {
  string: ['string', 'Quantity', 'Duration'],
  number: ['integer', 'number'],
  boolean: ['boolean'],
  Date: ['string'],
  V1MicroTime: ['string'],
  IntOrString: ['IntOrString'],
  any: [
    'Object',
    'RawExtension',
    'FieldsV1',
    'JSON',
    'CustomResourceSubresourceStatus',
    'JSONSchemaPropsOrBool',
    'JSONSchemaPropsOrArray',
    'JSONSchemaPropsOrStringArray',
  ],
}

/** The models' prefixes for structs: their version, behind their group where two have one name. */
function isType(theirs: string, ours: string): boolean {
  const list = /^Array<(?<of>.*)>$/.exec(theirs)?.groups?.of
  if (list !== undefined) return ours.startsWith('[]') && isType(list, ours.slice(2))
  const map = /^\{ \[key: string\]: (?<of>.*); \}$/.exec(theirs)?.groups?.of
  if (map !== undefined) return ours.startsWith('map[string]') && isType(map, ours.slice('map[string]'.length))
  return (
    words[theirs]?.includes(ours) ??
    (theirs.endsWith(ours) && /^[A-Za-z]*V\d+((alpha|beta)\d+)?$/i.test(theirs.slice(0, -ours.length)))
  )
}

/** The model of what a field holds, whether once or many times. */
function innerModel(type: string): string {
  return type.replaceAll(/^(?:Array<|\{ \[key: string\]: )+|(?:>|; \})+$/g, '')
}

function compare(path: string, className: string, fields: ReadonlyMap<string, Explained>, above: readonly string[]): string[] {
  const model = models[className] as Model
  const required = requiredOf(className)
  const names = model.attributeTypeMap.map(({ baseName }) => baseName)
  const extra = [...fields.keys()].filter((name) => !names.includes(name)).map((name) => `${path}.${name}: no such field`)
  return [
    ...extra,
    ...model.attributeTypeMap.flatMap(({ baseName, type }) => {
      const at = `${path}.${baseName}`
      const field = fields.get(baseName)
      if (!field) return [`${at}: missing`]
      const inner = innerModel(type)
      // What contains itself is explained once.
      const goesOn = models[inner]?.attributeTypeMap && !above.includes(inner) && field.fields.size > 0
      return [
        ...(isType(type, field.type) ? [] : [`${at}: <${field.type}>, not ${type}`]),
        ...(field.isRequired === required.has(baseName) ? [] : [`${at}: ${field.isRequired ? 'required' : 'optional'}`]),
        ...(goesOn ? compare(at, inner, field.fields, [...above, inner]) : []),
      ]
    }),
  ]
}

/** The library has no models of what an extension server would serve. */
const explained = kinds.filter((kind) => kind.group !== 'metrics.k8s.io' && modelOf(kind))
for (const kind of explained) {
  const { plural, group, apiVersion } = kind
  const name = group ? `${plural}.${group}` : plural
  test(`kubectl explain ${name} --recursive`, { skip }, async () => {
    const words = ['explain', plural, '--recursive', `--api-version=${apiVersion}`]
    const { code, stdout, stderr } = await plane.run(program, words)
    assert.equal(code, 0, stderr)
    const className = modelOf(kind) as string
    assert.deepEqual(compare(plural, className, treeOf(stdout), [className]), [])
  })
}
