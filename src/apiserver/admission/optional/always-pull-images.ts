/** AlwaysPullImages: nobody runs an image that only somebody else may pull (upstream `plugin/pkg/admission/alwayspullimages`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'

const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const

export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  handles: ({ operation, kind, subresource }) =>
    kind.plural === 'pods' &&
    kind.group === '' &&
    (subresource === '' || subresource === 'ephemeralcontainers') &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  mutate(request) {
    if (!hasNewImages(request)) return
    const { spec } = request.object as Pod
    for (const list of lists) for (const container of spec[list] ?? []) container.imagePullPolicy = 'Always'
    for (const { image } of spec.volumes ?? []) if (image) image.pullPolicy = 'Always'
  },
  validate(request) {
    if (!hasNewImages(request)) return
    const { spec } = request.object as Pod
    const at = root.child('spec')
    const errors: FieldError[] = []
    const check = (policy: string | undefined, here: Path) => {
      if (policy !== 'Always') errors.push(here.notSupported(policy ?? '', ['Always']))
    }
    for (const list of lists) {
      for (const [index, container] of (spec[list] ?? []).entries()) {
        check(container.imagePullPolicy, at.child(list).index(index).child('imagePullPolicy'))
      }
    }
    for (const [index, { image }] of (spec.volumes ?? []).entries()) {
      if (image) check(image.pullPolicy, at.child('volumes').index(index).child('image', 'pullPolicy'))
    }
    if (errors.length === 0) return
    const texts = errors.map(formatFieldError)
    throw refuse(request, texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`)
  },
}

/** A pod that keeps its images keeps how it got them. */
function hasNewImages({ operation, object, old }: AdmissionRequest): boolean {
  if (operation === 'CREATE') return true
  const imagesOf = ({ spec }: Pod) => lists.flatMap((list) => (spec[list] ?? []).map(({ image }) => image))
  const known = new Set(imagesOf(old))
  return imagesOf(object).some((image) => !known.has(image))
}
