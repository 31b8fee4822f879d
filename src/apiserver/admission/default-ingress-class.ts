/** DefaultIngressClass: ingresses that name no class get the default one (upstream `network/defaultingressclass`). */
import type { Ingress } from '#api/networking/v1/ingress.ts'
import { IngressClass } from '#api/networking/v1/ingress-class.ts'
import { newestDefault } from './default-storage-class.ts'
import type { AdmissionPlugin } from './plugin.ts'

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && kind.plural === 'ingresses' && kind.group === 'networking.k8s.io' && !subresource,
  mutate({ object }, { lister }) {
    const { metadata, spec } = object as Ingress
    if (spec.ingressClassName !== undefined || metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return
    const name = newestDefault(lister.list(IngressClass), ['ingressclass.kubernetes.io/is-default-class'])
    if (name !== undefined) spec.ingressClassName = name
  },
}
