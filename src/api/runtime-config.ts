/** `--runtime-config`: which versions of which groups are served (upstream `serverstorage.ResourceConfig`). */
import type { Kind } from '#schema/kind.ts'

/** What is wrong with a `--runtime-config`, in upstream's words. */
export class RuntimeConfigError extends Error {}

/** The kinds that are served: those of stable versions, and what the configuration says otherwise. */
export function enabledKinds(kinds: readonly Kind[], config: string | undefined): readonly Kind[] {
  const settings = settingsOf(config ?? '')
  refuseUnknown(kinds, settings)
  return kinds.filter((kind) => isEnabled(kind, settings))
}

type Settings = ReadonlyMap<string, boolean>

/** `key=true,key=false,key`; a key without a value is true, and the last of several counts. */
function settingsOf(config: string): Settings {
  const pairs = config.split(',').filter((pair) => pair.trim() !== '')
  return new Map(
    pairs.map((pair) => {
      const [key = '', value = 'true'] = pair.split('=').map((part) => part.trim())
      return [key, truthOf(key, value || 'true')]
    }),
  )
}

/** The words that Go's `strconv.ParseBool` takes. */
function truthOf(key: string, value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  throw new RuntimeConfigError(`invalid value of ${key}=${value}`)
}

/** From the general to the particular: what stands later wins. */
const levels = ['api/all', 'api/ga', 'api/beta', 'api/alpha'] as const

function isEnabled(kind: Kind, settings: Settings): boolean {
  const { group, version, plural } = kind
  const stability = /alpha/.test(version) ? 'api/alpha' : /beta/.test(version) ? 'api/beta' : 'api/ga'
  // Not one of upstream's own: an extension server serves it, which this setting does not reach.
  if (group === 'metrics.k8s.io') return settings.get(versionKey(kind)) ?? true
  // The core group cannot be turned off as a whole.
  const general = settings.get(stability) ?? settings.get('api/all') ?? stability === 'api/ga'
  const own = settings.get(versionKey(kind)) ?? (group === '' || general)
  return settings.get(`${group}/${version}/${plural}`) ?? own
}

/** Upstream's older spelling of the core group, `api/v1`, means it too. */
function versionKey({ group, version }: Kind): string {
  return group === '' ? version : `${group}/${version}`
}

function refuseUnknown(kinds: readonly Kind[], settings: Settings): void {
  const groups = new Set(kinds.map(({ group }) => group))
  const known = new Set<string>(kinds.flatMap((kind) => [versionKey(kind), `${kind.group}/${kind.version}/${kind.plural}`]))
  for (const key of settings.keys()) {
    if ((levels as readonly string[]).includes(key) || known.has(key) || key === 'v1' || key === 'api/v1') continue
    const parts = key.split('/')
    if (parts.length < 2 || parts.length > 3) throw new RuntimeConfigError(`runtime-config invalid key ${key}`)
    if (!groups.has(parts[0] as string)) throw new RuntimeConfigError(`unknown api groups ${parts[0]}`)
    // Versions and resources that no longer exist are ignored, so that a configuration outlives an upgrade.
  }
}
