"""Writes logs with the loggers of other projects, below the folder that is its argument: `python foreign.py FOLDER`.

A process of its own, because these packages warn about much on import, and warnings are errors in the tests.
"""

import csv
import gc
import logging
import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
gc.disable()  # a fourth of the time that the imports take


def lightning(out: Path) -> None:
    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class Tiny(pl.LightningModule):
        def __init__(self, lr: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 2)

        def training_step(self, batch, number):
            loss = self.layer(batch[0]).square().mean()
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch, number):
            self.log("val_loss", self.layer(batch[0]).square().mean())
            self.log("val_acc", torch.tensor(0.25 * (1 + self.current_epoch)))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), self.hparams.lr)

    def batches():
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(12, 4)), batch_size=4)

    loggers = [TensorBoardLogger(out / "tb"), CSVLogger(out / "csv")]
    trainer = pl.Trainer(
        max_epochs=3, logger=loggers, log_every_n_steps=1, accelerator="cpu", enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(Tiny(), batches(), batches())


def timm_logs(out: Path) -> None:
    import yaml
    from timm.utils import update_summary

    folder = out / "output" / "train" / "20240102-030405-resnet18-224"
    folder.mkdir(parents=True)
    (folder / "args.yaml").write_text(yaml.safe_dump({"model": "resnet18", "seed": 42, "lr": 0.05, "mean": [0.5]}))
    for epoch in range(3):
        update_summary(
            epoch, {"loss": 2.0 - epoch / 2}, {"loss": 2.5 - epoch / 2, "top1": 40.0 + 10 * epoch, "top5": 80.0},
            folder / "summary.csv", lr=0.05 / (1 + epoch), write_header=epoch == 0,
        )  # fmt: skip


def torch_logs(out: Path) -> None:
    import torch
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(out / "plain") as writer:
        for epoch in range(1, 5):
            writer.add_scalars("Loss", {"train": 1 / epoch, "val": 2 / epoch}, epoch)
            writer.add_scalar("Accuracy/val", 20.0 * epoch, epoch)
            writer.add_scalar("gpu memory", 1000 + epoch, epoch)
            writer.add_histogram("weights", torch.tensor([0.0, epoch]), epoch)
        writer.add_hparams({"lr": 0.1, "model": "lenet", "nesterov": True}, {"hparam/accuracy": 0.8})
    with SummaryWriter(out / "steps") as writer:
        for step in range(1, 101):
            writer.add_scalar("train/loss", 1 / step, step)
            if step % 25 == 0:
                writer.add_scalar("test/acc", step / 200, step)
    with SummaryWriter(out / "unevaluated") as writer:
        for step in range(0, 100, 10):
            writer.add_scalar("train_loss", 1 / (1 + step), step)
    for first, value in ((1, 0.1), (3, 0.5), (4, 0.7)):  # twice resumed, the second time from an older checkpoint
        with SummaryWriter(out / "resumed") as writer:
            for epoch in range(first, first + 3):
                writer.add_scalar("test_accuracy", value + epoch / 100, epoch)
        time.sleep(1.1)  # the name of an event file holds whole seconds
    with SummaryWriter(out / "ended badly") as writer:
        for epoch in range(3):
            writer.add_scalar("loss/test", float("nan") if epoch == 1 else epoch, epoch)
            writer.add_scalar("accuracy/test", 0.1, epoch)


def keras(out: Path) -> None:
    """As the callback of Keras writes them: scalars are tensors, and the split is in the name of the folder."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for split, plus in (("train", 0.0), ("validation", 0.1)):
        writer = EventFileWriter(str(out / split))
        for epoch in range(12):  # more than the ten tensors that TensorBoard's reader keeps
            for tag, value in (
                ("epoch_loss", 1 / (1 + epoch) + plus),
                ("epoch_sparse_categorical_accuracy", epoch / 12),
            ):
                writer.add_event(Event(wall_time=1.7e9 + epoch, step=epoch, summary=scalar_pb(tag, value)))
            if split == "train":
                event = Event(wall_time=1.7e9 + epoch, step=epoch, summary=scalar_pb("epoch_learning_rate", 0.01))
                writer.add_event(event)
        writer.close()


def wandb(out: Path) -> None:
    """As W&B's site exports a chart of two runs."""
    out.mkdir(parents=True)
    head = ["Step"]
    for run in ("crisp-sun-3", "lucky - lake"):
        head += [f"{run} - val_accuracy", f"{run} - val_accuracy__MIN", f"{run} - val_accuracy__MAX"]
    with (out / "chart.csv").open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(head)
        for step in range(1, 4):
            second = ["", "", ""] if step == 3 else [0.2 * step] * 3
            writer.writerow([step, *[0.3 * step] * 3, *second])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    lightning(folder / "lightning")
    timm_logs(folder / "timm")
    torch_logs(folder / "torch")
    keras(folder / "keras" / "fit")
    wandb(folder / "wandb")
