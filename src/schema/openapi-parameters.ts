/** The query parameters of the API's verbs (`ListOptions`, `DeleteOptions` and their like), and those of connections. */

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly type: 'string' | 'integer' | 'boolean'
  readonly doc: string
}

const query = (name: string, type: Parameter['type'], doc: string): Parameter => ({ name, in: 'query', type, doc })
const inPath = (name: string, doc: string): Parameter => ({ name, in: 'path', type: 'string', doc })

export const pretty = query('pretty', 'string', 'If true, the answer is indented for people to read.')
export const namespaceInPath = inPath('namespace', 'The namespace of the object.')
export const pathInPath = inPath('path', 'Path that is passed on.')

export function nameInPath(kind: string): Parameter {
  return inPath('name', `Name of the ${kind}.`)
}

const dryRun = query('dryRun', 'string', 'All: check everything and keep nothing.')
const fieldManager = query('fieldManager', 'string', 'Name of the program or person that makes the change.')
const fieldValidation = query(
  'fieldValidation',
  'string',
  'What to do about unknown and duplicate fields: Ignore drops them, Warn drops them with a warning, Strict refuses the request.',
)
const force = query('force', 'boolean', 'Takes over fields that another manager owns; for apply patches alone.')

const listing: readonly Parameter[] = [
  query('continue', 'string', 'Token of the page before, to go on with the next.'),
  query('fieldSelector', 'string', 'Selects objects by their fields.'),
  query('labelSelector', 'string', 'Selects objects by their labels.'),
  query('limit', 'integer', 'The most objects of one page.'),
  query('resourceVersion', 'string', 'Version that the answer must be as new as.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant: Exact or NotOlderThan.'),
  query(
    'sendInitialEvents',
    'boolean',
    'A watch begins with the objects that are there, and says with a bookmark when they were all sent.',
  ),
  query('timeoutSeconds', 'integer', 'The longest time that the call may take.'),
]

const deleting: readonly Parameter[] = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'Seconds that an object may take to end; 0 ends it at once.'),
  query('ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean', 'Deletes an object that cannot be read from the store.'),
  query('orphanDependents', 'boolean', 'Older spelling of propagationPolicy.'),
  query('propagationPolicy', 'string', 'What becomes of dependents: Orphan, Background or Foreground.'),
]

export const parametersOf = {
  list: [
    query('allowWatchBookmarks', 'boolean', 'A watch may send bookmarks: events that carry nothing but a version.'),
    ...listing,
    query('watch', 'boolean', 'Sends changes as they happen, instead of a list.'),
  ],
  get: [],
  post: [dryRun, fieldManager, fieldValidation],
  put: [dryRun, fieldManager, fieldValidation],
  patch: [dryRun, fieldManager, fieldValidation, force],
  delete: deleting,
  deletecollection: [...deleting, ...listing],
} as const satisfies Record<string, readonly Parameter[]>

const streams: readonly Parameter[] = [
  query('container', 'string', 'The container; by default the only one.'),
  query('stderr', 'boolean', 'Sends what the process writes to its standard error.'),
  query('stdin', 'boolean', 'Takes the standard input of the process.'),
  query('stdout', 'boolean', 'Sends what the process writes to its standard output.'),
  query('tty', 'boolean', 'Gives the process a terminal.'),
]

/** By the kind of their options. */
export const connectParameters: Readonly<Record<string, readonly Parameter[]>> = {
  PodAttachOptions: streams,
  PodExecOptions: [query('command', 'string', 'The command and its arguments.'), ...streams],
  PodPortForwardOptions: [query('ports', 'integer', 'Ports of the pod.')],
  PodProxyOptions: [query('path', 'string', 'Path that is asked for.')],
  NodeProxyOptions: [query('path', 'string', 'Path that is asked for.')],
  ServiceProxyOptions: [query('path', 'string', 'Path that is asked for, with the service and port.')],
}

export const logParameters: readonly Parameter[] = [
  query('container', 'string', 'The container; by default the only one.'),
  query('follow', 'boolean', 'Goes on with what the container writes.'),
  query('insecureSkipTLSVerifyBackend', 'boolean', 'Does not check the certificate of the node.'),
  query('limitBytes', 'integer', 'The most bytes to send.'),
  query('previous', 'boolean', 'Of the container before the last restart.'),
  query('sinceSeconds', 'integer', 'Only lines of so many last seconds.'),
  query('stream', 'string', 'All, Stdout or Stderr.'),
  query('tailLines', 'integer', 'So many last lines.'),
  query('timestamps', 'boolean', 'Puts its time before each line.'),
]
