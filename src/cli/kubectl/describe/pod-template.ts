/** The pod template of a workload in its description. */
import { formatLabelSelector } from '#schema/selector.ts'
import type { Json } from '../session.ts'
import { describeContainers } from './containers.ts'
import { describeAnnotations, describeLabels, describeTolerations, type Report } from './report.ts'
import { describeVolumes } from './volumes.ts'

export function describePodTemplate(w: Report, template: Json | undefined): Report {
  w.line(0, 'Pod Template:')
  if (!template) {
    w.write(1, '<unset>')
    return w
  }
  const { metadata = {}, spec = {} } = template
  const space = '  '
  describeLabels(w, '  Labels', metadata.labels)
  if (Object.keys(metadata.annotations ?? {}).length > 0) describeAnnotations(w, '  Annotations', metadata.annotations)
  if (spec.serviceAccountName) w.field(1, 'Service Account', spec.serviceAccountName)
  if (spec.initContainers?.length) describeContainers(w, { label: 'Init Containers', containers: spec.initContainers, space })
  describeContainers(w, { label: 'Containers', containers: spec.containers ?? [], space })
  describeVolumes(w, spec.volumes, space)
  describeSpread(w, spec.topologySpreadConstraints, space)
  if (spec.priorityClassName) w.field(1, 'Priority Class Name', spec.priorityClassName)
  describeLabels(w, '  Node-Selectors', spec.nodeSelector)
  describeTolerations(w, '  Tolerations', spec.tolerations)
  return w
}

export function describeSpread(w: Report, constraints: readonly Json[] = [], space = ''): void {
  if (constraints.length === 0) return
  const sorted = constraints.toSorted((a, b) => (a.topologyKey < b.topologyKey ? -1 : 1))
  w.write(0, `${space}Topology Spread Constraints:\t`)
  for (const [at, { topologyKey, whenUnsatisfiable, maxSkew, labelSelector }] of sorted.entries()) {
    const selector = labelSelector ? ` for selector ${formatLabelSelector(labelSelector)}` : ''
    w.line(0, `${at > 0 ? `${space}\t` : ''}${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded${selector}`)
  }
}
