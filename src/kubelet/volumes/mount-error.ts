/** A volume's failure whose message is the whole event. Of a quiet one nobody is told: it only has to wait for others. */
export class MountError extends Error {
  readonly isQuiet: boolean

  constructor(message: string, options: ErrorOptions & { readonly isQuiet?: boolean } = {}) {
    super(message, options)
    this.name = 'MountError'
    this.isQuiet = options.isQuiet ?? false
  }
}

/** Stands for the names of all volumes of the pod that wait, which is known at the end. */
export const unmountedNames = '\0'

/** Upstream's word for a volume that it did not even begin with; `failed` are those that cannot be worked out. */
export function unableToMount(reason: string, failed: readonly string[] = []): string {
  const volumes = `unmounted volumes=[${unmountedNames}], unattached volumes=[], failed to process volumes=[${failed.join(' ')}]`
  return `Unable to attach or mount volumes: ${volumes}: ${reason}`
}
