//! Things of others that differ from ours in as little as can be.

use planner::owner::{LAUNCH, MANAGED_BY, MANAGED_BY_VALUE, Owner, POOL, Tags};

use super::Ec2;

impl Ec2<'_> {
    /// Plants instances and groups of others that differ from those of `owner` in as little as can be: each proof tag
    /// missing, a character longer or shorter, in another case, under a key in another case; another installation; our
    /// name on a group without our tags. Their number.
    pub fn plant_near_misses(&mut self, owner: &Owner, pool: &str) -> usize {
        let misses = near_misses(owner, pool);
        let count = misses.len();
        for (index, tags) in misses.into_iter().enumerate() {
            // A group's name is good once per VPC; the first has the name that ours would have with other letters.
            self.plant_group(&format!("clusterbench-{}-near-{index}", owner.benchmark_uid), tags.clone());
            self.plant_instance(tags);
        }
        count
    }
}

/// Tags that differ from ours in as little as can be.
pub(crate) fn near_misses(owner: &Owner, pool: &str) -> Vec<Tags> {
    let mut ours = owner.tags(&Tags::new());
    ours.extend([(POOL.to_owned(), pool.to_owned()), (LAUNCH.to_owned(), "1".to_owned())]);
    let mut all = Vec::new();
    for (key, value) in owner.proof() {
        let mut miss = |change: &dyn Fn(&mut Tags)| {
            let mut tags = ours.clone();
            change(&mut tags);
            if tags != ours {
                all.push(tags);
            }
        };
        let mut chars = value.chars();
        chars.next_back();
        let shorter = chars.as_str().to_owned();
        for other in [shorter, format!("{value}x"), format!("x{value}"), format!("{value} "), swap_case(&value)] {
            miss(&|tags| drop(tags.insert(key.clone(), other.clone())));
        }
        miss(&|tags| drop(tags.remove(&key)));
        miss(&|tags| {
            tags.remove(&key);
            tags.insert(swap_case(&key), value.clone());
        });
        miss(&|tags| {
            tags.remove(&key);
            tags.insert(format!("{key} "), value.clone());
        });
    }
    let other = Owner { installation: "another".into(), ..owner.clone() };
    let neighbour = Owner { benchmark_uid: format!("{}-2", owner.benchmark_uid), ..owner.clone() };
    all.extend([other, neighbour].map(|owner| {
        let mut tags = owner.tags(&Tags::new());
        tags.insert(POOL.to_owned(), pool.to_owned());
        tags
    }));
    all.push([(MANAGED_BY.to_owned(), MANAGED_BY_VALUE.to_owned())].into());
    all
}

fn swap_case(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect()
}
