/** `format.dns1123Label().validate(text)` (upstream `pkg/cel/library/format.go`): nothing, or what is wrong. */
import { Buffer } from 'node:buffer'
import { isDns1035Label, isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidLabelValue } from '../../formats.ts'
import { type Functions, global, member, type Overload } from '../declarations.ts'
import { listOf, optionalOf, Str } from '../type.ts'
import { NamedFormat } from '../type-names.ts'
import { ArrayList, CelOpaque, CelOptional, parseTimestamp } from '../value.ts'
import { readUrl } from './urls.ts'

type Check = (text: string) => readonly string[]

class CelFormat extends CelOpaque {
  readonly type = NamedFormat
  readonly name: string
  readonly check: Check
  /** Length of the longest regular expression behind it: what it costs goes by that. */
  readonly #patternSize: number
  constructor(name: string, check: Check, patternSize: number) {
    super()
    this.name = name
    this.check = check
    this.#patternSize = patternSize
  }
  equals(other: CelOpaque): boolean {
    return other instanceof CelFormat && this.name === other.name
  }
  override get size(): number {
    return this.#patternSize
  }
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const formats: Readonly<Record<string, CelFormat>> = {
  dns1123Label: new CelFormat('DNS1123Label', isDns1123Label, 30),
  dns1123Subdomain: new CelFormat('DNS1123Subdomain', isDns1123Subdomain, 60),
  dns1035Label: new CelFormat('DNS1035Label', isDns1035Label, 30),
  qualifiedName: new CelFormat('QualifiedName', isQualifiedName, 60),
  dns1123LabelPrefix: new CelFormat('DNS1123LabelPrefix', (text) => isDns1123Label(prefix(text)), 30),
  dns1123SubdomainPrefix: new CelFormat('DNS1123SubdomainPrefix', (text) => isDns1123Subdomain(prefix(text)), 60),
  dns1035LabelPrefix: new CelFormat('DNS1035LabelPrefix', (text) => isDns1035Label(prefix(text)), 30),
  labelValue: new CelFormat('LabelValue', isValidLabelValue, 40),
  uri: new CelFormat('URI', uriErrors, 1250),
  uuid: new CelFormat('uuid', (text) => (uuid.test(text) ? [] : ['does not match the UUID format']), 131),
  byte: new CelFormat('byte', (text) => (isBase64(text) ? [] : ['invalid base64']), 84),
  date: new CelFormat('date', (text) => (isTime(`${text}T00:00:00Z`) ? [] : ['invalid date']), 110),
  datetime: new CelFormat('datetime', (text) => (isTime(text) ? [] : ['invalid datetime']), 110),
}

export const namedFormats: Functions = {
  ...Object.fromEntries(
    Object.entries(formats).map(([name, format]): [string, Overload[]] => {
      return [`format.${name}`, [global(`format.${name}`, [], NamedFormat, () => format)]]
    }),
  ),
  'format.named': [
    global('format-named', [Str], optionalOf(NamedFormat), ([name]) => {
      return Object.hasOwn(formats, name) ? CelOptional.of(formats[name]) : CelOptional.none
    }),
  ],
  validate: [
    member('format-validate', [NamedFormat, Str], optionalOf(listOf(Str)), ([format, text]) => {
      const errors = (format as CelFormat).check(text)
      return errors.length === 0 ? CelOptional.none : CelOptional.of(new ArrayList([...errors]))
    }),
  ],
}

/** A prefix may end in a dash, since more will follow (`generateName`). */
function prefix(text: string): string {
  return text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text
}

function uriErrors(text: string): string[] {
  try {
    readUrl(text)
    return []
  } catch (error) {
    return [(error as { message: string }).message.replace('URL parse error during conversion from string: ', '')]
  }
}

function isBase64(text: string): boolean {
  return base64.test(text) && Buffer.from(text, 'base64').toString('base64') === text
}

function isTime(text: string): boolean {
  try {
    parseTimestamp(text.toUpperCase())
    return true
  } catch {
    return false
  }
}
