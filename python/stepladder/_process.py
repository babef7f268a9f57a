"""Noise processes: the map between time and noise level that a model was trained with."""

from stepladder._processes.base import Family as Family
from stepladder._processes.base import Floats as Floats
from stepladder._processes.base import NoiseProcess as NoiseProcess
from stepladder._processes.continuous import ContinuousVProcess as ContinuousVProcess
from stepladder._processes.continuous import CosmosProcess as CosmosProcess
from stepladder._processes.continuous import EDMProcess as EDMProcess
from stepladder._processes.continuous import TrigFlowProcess as TrigFlowProcess
from stepladder._processes.continuous import VPSDEProcess as VPSDEProcess
from stepladder._processes.discrete import DiscreteProcess as DiscreteProcess
from stepladder._processes.discrete import DistilledDiscreteProcess as DistilledDiscreteProcess
from stepladder._processes.flow import FlowProcess as FlowProcess
from stepladder._processes.flow import FluxProcess as FluxProcess
from stepladder._processes.stable_cascade import StableCascadeProcess as StableCascadeProcess
