//! An image with data volumes that stay when their instance is gone, unless a launch says otherwise of each.

use cloudsim::ec2::IMAGE_WITH_DATA;
use planner::ports::{Catalog, Compute, ImageQuery, InstanceState, LaunchRequest, Selection, Volume};

use crate::faults::start;
use crate::target::ids;

#[tokio::test]
async fn no_volume_of_an_image_outlives_its_instance() {
    let (region, on) = start().await;
    let image = on.cloud.image(&ImageQuery::Id(IMAGE_WITH_DATA.into())).await.unwrap().unwrap();
    let volume = |device: &str, gib| Volume { device: device.into(), gib };
    assert_eq!(image.volumes, [volume("/dev/sdf", 20), volume("/dev/sdg", 5)]);
    let owner = on.owner();
    let launch = on.launch_of(&owner).await;
    let whole = LaunchRequest { image_id: image.id.clone(), volumes: image.volumes, count: 2, ..launch.clone() };
    let root_only = LaunchRequest { volumes: Vec::new(), token: format!("{}-2", launch.token), ..whole.clone() };
    // What is forgotten stays: so the first line says something.
    for (launch, left) in [(whole, 0), (root_only, 4)] {
        let made = ids(&on.launch(&launch).await);
        let volumes = region.sim().lock().truth().ec2.live_volumes().into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(volumes.len(), 6, "{volumes:?}");
        let of_request =
            |one: &&cloudsim::ec2::Volume| one.encrypted && one.volume_type == "gp3" && one.tags == launch.tags;
        assert_eq!(volumes.iter().filter(of_request).count(), 2 * (1 + launch.volumes.len()));
        on.terminate(&made).await;
        let of = Selection::Ids(made);
        let over = async || {
            let found = on.cloud.instances(&of).await.unwrap();
            found.iter().all(|instance| instance.state == InstanceState::Terminated).then_some(())
        };
        on.eventually("terminated", over).await;
        assert_eq!(region.audit().volumes, left);
    }
}
