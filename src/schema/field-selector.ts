/** Field selectors, `spec.nodeName=n1,status.phase!=Running` (`pkg/fields/selector.go`). */
import { SelectorError } from './selector.ts'

/** One demand on a field; `==` means the same as `=`. */
export interface FieldTerm {
  readonly field: string
  readonly op: '=' | '!='
  readonly value: string
}

/** Reads terms, sorted as upstream sorts them; throws SelectorError with upstream's text. */
export function parseFieldSelector(text: string): FieldTerm[] {
  return splitTerms(text)
    .sort()
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term)
      if (!match) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`)
      const [, field = '', op, value = ''] = match
      return { field, op: op === '!=' ? '!=' : '=', value: unescapeValue(value) }
    })
}

/** The canonical text, which parses to the same terms. */
export function fieldSelectorText(terms: readonly FieldTerm[]): string {
  return terms.map(({ field, op, value }) => `${field}${op}${value.replace(/[\\,=]/g, '\\$&')}`).join(',')
}

/** Whether all terms hold; `fieldValue` answers '' for a field that the object does not have. */
export function matchesFields(terms: readonly FieldTerm[], fieldValue: (field: string) => string): boolean {
  return terms.every(({ field, op, value }) => (fieldValue(field) === value) === (op === '='))
}

/** Commas behind a backslash belong to the value. */
function splitTerms(text: string): string[] {
  return text === '' ? [] : (text.match(/(?:\\.|\\$|[^\\,])+|(?<=,|^)(?=,|$)/gs) ?? [])
}

function unescapeValue(text: string): string {
  return text.replace(/\\(.?)|[,=]/gsu, (sequence, escaped: string | undefined) => {
    if (escaped === undefined) {
      // Go prints the character as its number.
      throw new SelectorError(`invalid field selector: unescaped character in value: ${sequence.codePointAt(0)}`)
    }
    if (escaped !== '' && '\\,='.includes(escaped)) return escaped
    throw new SelectorError(`invalid field selector: invalid escape sequence: ${sequence}`)
  })
}
