/** `--validate`: how strictly the server reads what is sent to it. */
import { text } from './command-line.ts'
import { KubectlError } from './errors.ts'

export const validateFlag = { validate: text('strict', { bare: 'strict' }) } as const

/** The query parameter for a value of --validate. */
export function fieldValidation(given: string): { fieldValidation: string } {
  switch (given) {
    case 'strict':
    case 'true':
      return { fieldValidation: 'Strict' }
    case 'warn':
      return { fieldValidation: 'Warn' }
    case 'ignore':
    case 'false':
      return { fieldValidation: 'Ignore' }
    default:
      throw new KubectlError(`invalid - validate option "${given}"; must be one of: strict (or true), warn, ignore (or false)`)
  }
}
