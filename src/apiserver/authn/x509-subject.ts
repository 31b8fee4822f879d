/** Reads subject and validity out of a certificate's DER (RFC 5280), which Node offers only as ambiguous text. */

export interface CertificateFacts {
  /** Of several, the last, as Go has it; '' where there is none. */
  readonly commonName: string
  readonly organizations: readonly string[]
  /** KEP-5295's attribute 1.3.6.1.4.1.57683.2. */
  readonly uid: string | undefined
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Throws a plain Error when the bytes are no certificate. */
export function readCertificate(der: Uint8Array): CertificateFacts {
  const certificate = children(readElement(der, 0))
  const fields = children(expect(certificate[0], tag.sequence))
  if (fields[0]?.tag === tag.version) fields.shift()
  const [, , , validity, subject] = fields
  const [notBefore, notAfter] = children(expect(validity, tag.sequence)).map(instant)
  const names = attributes(expect(subject, tag.sequence))
  const uids = names.filter(({ oid }) => oid === uidAttribute)
  if (uids.length > 1) throw new Error('expected 1 UID, but found multiple')
  return {
    commonName: names.findLast(({ oid }) => oid === '2.5.4.3')?.value ?? '',
    organizations: names.filter(({ oid }) => oid === '2.5.4.10').map(({ value }) => value),
    uid: uids[0]?.value,
    notBefore: notBefore as number,
    notAfter: notAfter as number,
  }
}

const uidAttribute = '1.3.6.1.4.1.57683.2'

const tag = { version: 0xa0, sequence: 0x30, set: 0x31, oid: 0x06, utcTime: 0x17, generalizedTime: 0x18 } as const

interface Element {
  readonly tag: number
  readonly value: Uint8Array
  /** Offset behind the element. */
  readonly end: number
}

function readElement(bytes: Uint8Array, at: number): Element {
  const first = bytes[at + 1]
  if (first === undefined || (bytes[at] as number & 0x1f) === 0x1f) throw new Error('malformed certificate')
  let start = at + 2
  let length = first
  if (first & 0x80) {
    const octets = first & 0x7f
    if (octets === 0 || octets > 4) throw new Error('malformed certificate')
    length = 0
    for (let i = 0; i < octets; i++) length = length * 256 + (bytes[start + i] ?? 0)
    start += octets
  }
  const end = start + length
  if (end > bytes.length) throw new Error('malformed certificate')
  return { tag: bytes[at] as number, value: bytes.subarray(start, end), end }
}

function children({ value }: Element): Element[] {
  const found: Element[] = []
  for (let at = 0; at < value.length; at = (found.at(-1) as Element).end) found.push(readElement(value, at))
  return found
}

function expect(element: Element | undefined, wanted: number): Element {
  if (element?.tag !== wanted) throw new Error('malformed certificate')
  return element
}

function attributes(name: Element): { oid: string; value: string }[] {
  return children(name).flatMap((set) =>
    children(expect(set, tag.set)).map((pair) => {
      const [oid, value] = children(expect(pair, tag.sequence))
      if (!value) throw new Error('malformed certificate')
      return { oid: objectIdentifier(expect(oid, tag.oid).value), value: text(value) }
    }),
  )
}

function objectIdentifier(bytes: Uint8Array): string {
  const numbers: number[] = []
  let current = 0
  for (const byte of bytes) {
    current = current * 128 + (byte & 0x7f)
    if (byte & 0x80) continue
    if (numbers.length === 0)
      numbers.push(Math.min(2, Math.floor(current / 40)), current - 40 * Math.min(2, Math.floor(current / 40)))
    else numbers.push(current)
    current = 0
  }
  return numbers.join('.')
}

/** Decoders of the string types that may stand in a name, by tag. */
const encodings: Readonly<Record<number, string>> = { 12: 'utf-8', 19: 'latin1', 20: 'latin1', 22: 'latin1', 30: 'utf-16be' }

function text({ tag: type, value }: Element): string {
  const encoding = encodings[type]
  if (!encoding) throw new Error('malformed certificate')
  return new TextDecoder(encoding, { fatal: true }).decode(value)
}

function instant({ tag: type, value }: Element): number {
  const digits = new TextDecoder('latin1').decode(value)
  const match = (
    type === tag.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(digits)
  if (!match || (type !== tag.utcTime && type !== tag.generalizedTime)) throw new Error('malformed certificate')
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number]
  const full = type === tag.utcTime ? year + (year < 50 ? 2000 : 1900) : year
  return Date.UTC(full, month - 1, day, hour, minute, second)
}
