/** Image names as pods write them, parsed with the errors of distribution/reference, which upstream's agent shows. */

export interface ImageName {
  /** Host and path, `docker.io/library/nginx`. */
  readonly repository: string
  /** `latest` where neither tag nor digest was given. */
  readonly tag: string
  readonly digest: string
  /** What was written, with `:latest` added where neither tag nor digest was given; a short name stays short. */
  readonly tagged: string
}

/** Throws an Error with upstream's text (`parsers.ParseImageName`). */
export function parseImageName(text: string): ImageName {
  const fail = (why: string) => new Error(`couldn't parse image name ${JSON.stringify(text)}: ${why}`)
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw fail(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`)
  }
  const { domain, remainder } = splitDomain(text)
  const [remote = ''] = remainder.split(':', 1)
  if (remote.toLowerCase() !== remote) {
    throw fail(`invalid reference format: repository name (${remote}) must be lowercase`)
  }
  const match = reference.exec(`${domain}/${remainder}`)
  if (!match?.groups) throw fail('invalid reference format')
  const { repository = '', path = '', tag = '', digest = '' } = match.groups
  if (path.length > 255) throw fail('repository name must not be more than 255 characters')
  const implicit = tag === '' && digest === ''
  return { repository, tag: implicit ? 'latest' : tag, digest, tagged: implicit ? `${text}:latest` : text }
}

/** Docker's rule: a first part with a dot, a colon, a capital, or the word localhost, is a host. */
function splitDomain(name: string): { domain: string; remainder: string } {
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const isHost = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first)
  const domain = !isHost || first === 'index.docker.io' ? 'docker.io' : first
  const rest = isHost ? name.slice(slash + 1) : name
  return { domain, remainder: domain === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest }
}

const hostPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const host = `(?:${hostPart}(?:\\.${hostPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`
const component = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*'
const reference = new RegExp(
  `^(?<repository>${host}/(?<path>${component}(?:/${component})*))` +
    `(?::(?<tag>[\\w][\\w.-]{0,127}))?` +
    `(?:@(?<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
)
