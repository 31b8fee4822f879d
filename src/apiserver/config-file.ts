/**
 * Configuration files of the API server, read as upstream's strict codecs read them: an unknown field, a repeated one or a value of the wrong
 * type is an error, since a misspelled rule would otherwise be no rule (upstream `runtime/serializer/json`).
 */
import { decode } from '#schema/decode.ts'
import { type Node, object, pointer, type Schema } from '#schema/words.ts'
import { parseYaml } from '#schema/yaml.ts'

/** Fields by their names; each may be absent. */
export function struct(name: string, fields: Readonly<Record<string, Node>>): Schema<object> {
  const known = Object.entries(fields).map(([field, node], i) => [field, pointer(i + 1, node as Schema)])
  return object(`config.v1.${name}`, Object.fromEntries(known)) as Schema<object>
}

export interface ConfigurationType {
  readonly kind: string
  /** `apiserver.config.k8s.io/v1`; all of them are read alike. */
  readonly apiVersions: readonly string[]
  /** Without `apiVersion` and `kind`. */
  readonly fields: Readonly<Record<string, Node>>
  /** What upstream calls the place where it knows these kinds. */
  readonly scheme: string
}

/** A kind or version that nobody knows here: some callers read the file in another way then. */
export class NotRegisteredError extends Error {}

/** What a text holds that is of one of these types. */
export class ConfigurationReader {
  readonly #schemas: ReadonlyMap<string, Schema<object>>
  readonly #scheme: string

  constructor(...types: readonly ConfigurationType[]) {
    const text = { type: 'string' } as Node
    this.#schemas = new Map(
      types.flatMap(({ kind, apiVersions, fields }) => {
        const schema = struct(kind, { apiVersion: text, kind: text, ...fields })
        return apiVersions.map((apiVersion) => [`${apiVersion} ${kind}`, schema] as const)
      }),
    )
    this.#scheme = types[0]?.scheme ?? ''
  }

  /** Throws in upstream's words. */
  read<T>(text: string): T {
    const { value, findings } = this.#decoded(text)
    if (findings.length > 0) throw new Error(strictText(findings))
    return value as T
  }

  /** What the file says, whatever else stands there, and what a strict reading complains of. */
  readLeniently<T>(text: string): { readonly value: T; readonly complaint: string | undefined } {
    const { value, findings } = this.#decoded(text)
    return { value: value as T, complaint: findings.length > 0 ? strictText(findings) : undefined }
  }

  /** What was read already, as a part of another file. */
  readValue<T>(given: unknown): T {
    const { value, findings } = this.#decodedValue(given, JSON.stringify(given) ?? '')
    if (findings.length > 0) throw new Error(strictText(findings))
    return value as T
  }

  #decoded(text: string): { readonly value: object; readonly findings: readonly string[] } {
    const [document] = parseYaml(text)
    const { value, findings } = this.#decodedValue(document?.value ?? {}, text)
    return { value, findings: [...repeats(document?.duplicates ?? []), ...findings] }
  }

  #decodedValue(given: unknown, text: string): { readonly value: object; readonly findings: readonly string[] } {
    const { apiVersion, kind } = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>
    if (typeof kind !== 'string' || kind === '') throw new NotRegisteredError(`Object 'Kind' is missing in '${text}'`)
    if (typeof apiVersion !== 'string' || apiVersion === '') {
      throw new NotRegisteredError(`Object 'apiVersion' is missing in '${text}'`)
    }
    const schema = this.#schemas.get(`${apiVersion} ${kind}`)
    if (!schema) throw new NotRegisteredError(this.#notRegistered(apiVersion, kind))
    const report = { unknown: [] }
    return { value: decode(schema, given, report), findings: report.unknown }
  }

  #notRegistered(apiVersion: string, kind: string): string {
    return `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "${this.#scheme}"`
  }
}

/** All repeated keys of a text are one complaint of YAML's reader; JSON's tells each. */
function repeats(duplicates: readonly string[]): string[] {
  const lines = duplicates.filter((one) => one.startsWith('line '))
  if (lines.length === 0) return [...duplicates]
  return [['error converting YAML to JSON: yaml: unmarshal errors:', ...lines.map((line) => `  ${line}`)].join('\n')]
}

function strictText(findings: readonly string[]): string {
  return `strict decoding error: ${findings.join(', ')}`
}
