/** Query parameters and DeleteOptions of writes, checked as upstream's `ValidateCreateOptions` and its kin do. */
import { DeleteOptions as DeleteOptionsSchema, type DeleteOptions as DeleteOptionsShape } from '#api/meta/v1/delete-options.ts'
import { decode } from '#schema/decode.ts'
import { type FieldError, root } from '#schema/field-error.ts'
import { badRequest, invalid } from '#schema/status-error.ts'
import { isTrue } from '../request-info.ts'

export interface WriteOptions {
  readonly dryRun: boolean
  readonly fieldManager: string
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore'
  /** Server-side apply takes over the fields of others. */
  readonly force: boolean | undefined
  /** As admission sees them. */
  readonly raw: Readonly<Record<string, unknown>>
}

export type DeleteOptions = Partial<Omit<DeleteOptionsShape, 'kind' | 'apiVersion'>>

type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions'

export function writeOptions(query: URLSearchParams, kind: OptionsKind): WriteOptions {
  if (query.size === 0) return unasked[kind]
  const dryRun = query.getAll('dryRun')
  const fieldManager = query.get('fieldManager') ?? ''
  const fieldValidation = query.get('fieldValidation') ?? ''
  const errors = [...checkFieldManager(fieldManager), ...checkDryRun(dryRun), ...checkFieldValidation(fieldValidation)]
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors)
  return {
    dryRun: dryRun.length > 0,
    fieldManager,
    fieldValidation: (fieldValidation || 'Warn') as WriteOptions['fieldValidation'],
    force: query.has('force') ? isTrue(query.get('force')) : undefined,
    raw: {
      ...{ kind, apiVersion: 'meta.k8s.io/v1' },
      ...(dryRun.length > 0 && { dryRun }),
      ...(fieldManager && { fieldManager }),
      ...(fieldValidation && { fieldValidation }),
    },
  }
}

const unasked: Readonly<Record<OptionsKind, WriteOptions>> = {
  CreateOptions: unaskedOf('CreateOptions'),
  UpdateOptions: unaskedOf('UpdateOptions'),
  PatchOptions: unaskedOf('PatchOptions'),
}

/** What holds for requests without a query. */
function unaskedOf(kind: OptionsKind): WriteOptions {
  const raw = { kind, apiVersion: 'meta.k8s.io/v1' }
  return { dryRun: false, fieldManager: '', fieldValidation: 'Warn', force: undefined, raw }
}

const plainName = /^[ -~]{0,128}$/

function checkFieldManager(manager: string): FieldError[] {
  if (plainName.test(manager)) return []
  const at = root.child('fieldManager')
  const errors: FieldError[] = []
  if (Buffer.byteLength(manager) > 128) errors.push(at.tooLong(128))
  let position = 0
  for (const letter of manager) {
    if (/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(letter)) {
      errors.push(at.invalid(manager, `invalid character ${codePoint(letter)} (at position ${position})`))
    }
    position += Buffer.byteLength(letter)
  }
  return errors
}

function codePoint(letter: string): string {
  return `U+${(letter.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`
}

function checkDryRun(values: readonly string[]): FieldError[] {
  return values.every((value) => value === 'All') ? [] : [root.child('dryRun').notSupported(values, ['All'])]
}

function checkFieldValidation(value: string): FieldError[] {
  const allowed = ['', 'Ignore', 'Strict', 'Warn']
  return allowed.includes(value) ? [] : [root.child('fieldValidation').notSupported(value, allowed)]
}

/** From the body, or from the query where there is none. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const options = body === undefined ? fromQuery(query) : fromBody(body)
  const errors: FieldError[] = []
  const { propagationPolicy, orphanDependents, dryRun = [] } = options
  const at = root.child('propagationPolicy')
  if (propagationPolicy !== undefined) {
    if (orphanDependents !== undefined) {
      errors.push(at.invalid(propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'))
    }
    if (!['Foreground', 'Background', 'Orphan'].includes(propagationPolicy)) {
      errors.push(at.notSupported(propagationPolicy, ['Foreground', 'Background', 'Orphan', 'nil']))
    }
  }
  errors.push(...checkDryRun(dryRun))
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
  return options
}

/** A `resourceVersion` demands that version of the object; of a collection, upstream takes it for the list's as well. */
function fromQuery(query: URLSearchParams): DeleteOptions {
  const grace = query.get('gracePeriodSeconds')
  const policy = query.get('propagationPolicy')
  const orphan = query.get('orphanDependents')
  const dryRun = query.getAll('dryRun')
  const uid = query.get('uid')
  const resourceVersion = query.get('resourceVersion')
  const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
  return {
    ...(grace !== null && { gracePeriodSeconds: integer(grace) }),
    ...((uid || resourceVersion) && { preconditions }),
    ...(orphan !== null && { orphanDependents: isTrue(orphan) }),
    ...(policy !== null && { propagationPolicy: policy }),
    ...(dryRun.length > 0 && { dryRun }),
  }
}

function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

function fromBody(body: unknown): DeleteOptions {
  try {
    const options = decode(DeleteOptionsSchema, body)
    if (!options.kind || options.kind === 'DeleteOptions') return options as DeleteOptions
  } catch (error) {
    throw badRequest((error as Error).message)
  }
  throw badRequest('decoded object cannot be converted to DeleteOptions')
}
