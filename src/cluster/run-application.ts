/** The part of `up` that is about an application: begun beside the cluster's start, carried out once the cluster answers. */
import { systemClock } from '#lib/clock.ts'
import { administrator } from './administrator.ts'
import { type Answers, applyAll, type Manifest, mainWorkload, readManifests, untilItAnswers, withImage } from './application.ts'
import { type Built, build, importBuilt } from './application-image.ts'
import { importerOf, withRuntime } from './node-images.ts'
import { UpError, type UpOptions } from './up.ts'

export interface Begun {
  readonly manifests: readonly Manifest[]
  readonly built: Promise<Built>
}

export interface ApplicationOutcome {
  readonly changed: boolean
  readonly answers?: Answers
  /** The application's first Deployment. */
  readonly workload?: string
}

/** Throws where the manifests are wrong; a failure of the image is told where its step comes. */
export function begin(application: string, { directory, progress }: UpOptions): Begun {
  const manifests = readManifests(application)
  const built = build(application, directory, (line) => progress.update(line))
  built.catch(() => {})
  return { manifests, built }
}

export async function runApplication({ manifests, built }: Begun, up: UpOptions): Promise<ApplicationOutcome> {
  const { directory, progress, signal } = up
  const client = await administrator(directory)
  if (!client) throw new UpError('The cluster has no administrator yet.')
  try {
    progress.step('building the image')
    const image = await built
    progress.update(`importing ${image.reference}`)
    await withRuntime(directory, (runtime) => importBuilt(image, directory, importerOf(runtime, directory)))
    progress.done(image.reference)
    progress.step('applying manifests')
    const wanted = manifests.map((manifest) => withImage(manifest, image.reference))
    const lines = await applyAll(client, wanted, signal)
    progress.done()
    for (const line of lines) up.note(`      ${line}`)
    progress.step('waiting until it answers')
    const answers = await untilItAnswers(client, wanted, { clock: systemClock, signal, progress, address: '127.0.0.1' })
    progress.done()
    const workload = mainWorkload(wanted)
    return {
      changed: lines.some((line) => !line.endsWith(' unchanged')),
      ...(answers && { answers }),
      ...(workload && { workload }),
    }
  } finally {
    await client.close()
  }
}
