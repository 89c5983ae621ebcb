//! The numbers of a pool as OpenMetrics, by prometheus-client: the same families as
//! `stat --prometheus`.

use crate::prometheus::{Family, Kind, Page, Sample};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;

#[derive(Debug)]
struct Numbers(Page);

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0.families {
            encode(&self.0.pool, family, &mut encoder)?;
        }
        Ok(())
    }
}

fn encode(pool: &str, family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    // The encoder puts it behind each sample.
    let name = family.name.strip_suffix("_total").unwrap_or(&family.name);
    let kind = match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    let mut encoder = encoder.encode_descriptor(name, family.help, None, kind)?;
    for (labels, sample) in &family.rows {
        let mut all = vec![("pool", pool.to_owned())];
        all.extend(labels.iter().cloned());
        value(encoder.encode_family(&all)?, family.kind, sample)?;
    }
    Ok(())
}

fn value(mut encoder: MetricEncoder<'_>, kind: Kind, sample: &Sample) -> fmt::Result {
    match sample {
        Sample::Number(value) if kind == Kind::Counter => {
            encoder.encode_counter::<NoLabelSet, _, u64>(value, None)
        }
        Sample::Number(value) => encoder.encode_gauge(value),
        Sample::Times(times) => {
            let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(times.below.len() + 1);
            let mut before = 0;
            for (bound, below) in &times.below {
                // It sums them up itself.
                buckets.push((*bound, below - before));
                before = *below;
            }
            buckets.push((f64::INFINITY, times.count - before));
            encoder.encode_histogram::<NoLabelSet>(times.sum_s, times.count, &buckets, None)
        }
    }
}

/// The page.
pub(super) fn page(page: Page) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Numbers(page)));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}
